"""Figures that are kept for a while in Redis, and worked out anew where Redis is away."""

import logging
import time
from typing import Any, ClassVar

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 10  # no page waits for a Redis that has just been found away


class AbsentableRedisCache(RedisCache):
    """Redis, of which nothing is expected: while it is away nothing is found, kept or waited for."""

    away_until: ClassVar[float] = 0.0

    def _ask(self, otherwise: Any, method: str, *args: Any, **options: Any) -> Any:
        kind = type(self)
        if time.monotonic() < kind.away_until:
            return otherwise
        try:
            return getattr(super(), method)(*args, **options)
        except (RedisError, OSError) as error:
            kind.away_until = time.monotonic() + PAUSE_SECONDS
            logger.warning("the cache is away: %s", type(error).__name__)
            return otherwise

    def add(self, *args, **options):
        return self._ask(False, "add", *args, **options)

    def get(self, key, default=None, version=None):
        return self._ask(default, "get", key, default, version)

    def set(self, *args, **options):
        return self._ask(None, "set", *args, **options)

    def touch(self, *args, **options):
        return self._ask(False, "touch", *args, **options)

    def delete(self, *args, **options):
        return self._ask(False, "delete", *args, **options)

    def get_many(self, *args, **options):
        return self._ask({}, "get_many", *args, **options)

    def has_key(self, *args, **options):
        return self._ask(False, "has_key", *args, **options)

    def set_many(self, data, *args, **options):
        return self._ask(list(data), "set_many", data, *args, **options)

    def delete_many(self, *args, **options):
        return self._ask(None, "delete_many", *args, **options)

    def clear(self):
        return self._ask(False, "clear")
