"""One settings file; everything that differs between machines comes from the environment (docs/operations.md)."""

import hashlib
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


def database_from(url: str) -> dict:
    """Read postgresql://user:password@host:port/name."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured("DATABASE_URL must begin with postgresql://")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        # Django's own statements are bound by the client and never prepared; those of the hot path are.
        "OPTIONS": {"prepare_threshold": 3},
    }


def data_key(text: str) -> bytes:
    """The key under which identity numbers and files are encrypted."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) < 16:
        raise ImproperlyConfigured("GONGJI_DATA_KEY is sixteen bytes or more, in hexadecimal.")
    return key


def real_servers(environment: Mapping[str, str]) -> list[str]:
    """The variables that name a server which is not the launcher's own."""
    own = set(filter(None, environment.get("GONGJI_OWN_SERVERS", "").split(",")))  # a socket names none: real
    named = [(name, environment.get(name, "")) for name in ("DATABASE_URL", "REDIS_URL")]
    real = [name for name, url in named if url and urlsplit(url).netloc.rpartition("@")[2] not in own]
    # The library of PostgreSQL reads these by itself, and goes where they say, whatever DATABASE_URL names.
    return real + [name for name in ("PGHOSTADDR", "PGSERVICE") if environment.get(name)]


def require_own_keys(secret_key: str, data_key: bytes) -> None:
    """Refuse the keys that anybody can look up, and keys that are easily guessed."""
    known = []
    if secret_key == _demonstration_key or len(secret_key) < 32 or len(set(secret_key)) < 5:
        known.append("SECRET_KEY")
    if data_key == bytes.fromhex(_demonstration_data_key) or len(set(data_key)) < 5:
        known.append("GONGJI_DATA_KEY")
    if known:
        raise ImproperlyConfigured(
            f"{' and '.join(known)}: missing, known or too simple, while DATABASE_URL, REDIS_URL or what PostgreSQL's "
            "library reads names a server that is not the launcher's own. Set each to a secret of its own, such as "
            "python -c 'import secrets; print(secrets.token_hex(32))' prints, and keep the data key: losing it loses "
            "the identity numbers."
        )


DEBUG = False
PRODUCTION = os.environ.get("GONGJI_PRODUCTION") == "1"

# On the launcher's own servers the checkout is a demonstration: its keys protect nothing and may be known.
_demonstration_key = hashlib.sha256(str(BASE_DIR).encode()).hexdigest()
_demonstration_data_key = "476f6e676a692064656d6f206b657921"
SECRET_KEY = os.environ.get("SECRET_KEY", _demonstration_key)
# Sixteen bytes or more in hexadecimal. Identity numbers and files are encrypted under it: losing it loses them.
DATA_KEY = data_key(os.environ.get("GONGJI_DATA_KEY", _demonstration_data_key))
_needed = ["SECRET_KEY", "GONGJI_DATA_KEY", "DATABASE_URL", "REDIS_URL", "GONGJI_FILES"]
if PRODUCTION and not set(_needed) <= set(os.environ):
    raise ImproperlyConfigured(f"Production needs {', '.join(_needed[:-1])} and {_needed[-1]}.")
if real_servers(os.environ) or PRODUCTION:
    require_own_keys(SECRET_KEY, DATA_KEY)

ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")

INSTALLED_APPS = [
    "bureau.apps.BureauConfig",
    "members.apps.MembersConfig",
    "institutions.apps.InstitutionsConfig",
    "accounts.apps.AccountsConfig",
    "settlement.apps.SettlementConfig",
    *([] if PRODUCTION else ["demo.apps.DemoConfig"]),
    "bureau.apps.OfficeConfig",
    "bureau.apps.RolesConfig",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "bureau.apps.ScheduleConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "bureau.web.headers.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "bureau.staff.sessions.SessionLimitsMiddleware",
    "bureau.web.language.StaffLanguageMiddleware",
    "bureau.staff.sessions.OwnPasswordMiddleware",
    "bureau.staff.sessions.NoNumbersInAddressesMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "bureau.urls"
WSGI_APPLICATION = "bureau.wsgi.application"
AUTH_USER_MODEL = "bureau.Staff"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# The launcher sets the addresses of its own servers. Without an address nobody is reached: what happens to listen on
# the usual ports of this machine may be a real server, and the keys may be those of a demonstration.
DATABASES = {"default": database_from(os.environ.get("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/gongji"))}
# How long a statement waits for a lock, and runs, in the server's units; bound when a process begins to serve.
TIMEOUTS = {
    "web": {
        "lock_timeout": os.environ.get("GONGJI_WEB_LOCK_TIMEOUT", "5s"),
        "statement_timeout": os.environ.get("GONGJI_WEB_STATEMENT_TIMEOUT", "60s"),
    },
    "worker": {
        "lock_timeout": os.environ.get("GONGJI_WORKER_LOCK_TIMEOUT", "60s"),
        "statement_timeout": os.environ.get("GONGJI_WORKER_STATEMENT_TIMEOUT", "45min"),
    },
}
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:1/0")

CACHES = {
    "default": {
        "BACKEND": "bureau.web.cache.AbsentableRedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 1},
    },
}

CELERY_BROKER_URL = REDIS_URL
CELERY_WORKER_HIJACK_ROOT_LOGGER = False  # workers log as LOGGING says
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# A task that outlives this is delivered a second time; chunks are minutes at most.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "short"
CELERY_TIMEZONE = "Asia/Shanghai"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
DJANGO_CELERY_BEAT_TZ_AWARE = True

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
CSRF_FAILURE_VIEW = "bureau.site.failures.no_token"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
FORMAT_MODULE_PATH = ["bureau.web.formats"]  # days as 2026-03-01 in both languages
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / ".gongji" / "static"
WHITENOISE_USE_FINDERS = True
FILES = os.environ.get("GONGJI_FILES", str(BASE_DIR / ".gongji" / "files"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    # Rosters as they came, encrypted; every host reads and writes the same store.
    "originals": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": FILES,
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    # Exports until they are fetched, encrypted.
    "exports": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": os.path.join(FILES, "exports"),
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
}
KEEP_ORIGINALS = timedelta(days=int(os.environ.get("GONGJI_KEEP_FILES_DAYS", "365")))
KEEP_EXPORTS = timedelta(days=int(os.environ.get("GONGJI_KEEP_EXPORTS_DAYS", "7")))

# A roster of a million rows is some 200 MB of CSV; a file that is larger than this goes to a temporary one at once.
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000

# Kept in the database, so that people can log in while Redis is away. A session ends by whichever comes first.
SESSION_COOKIE_AGE = 8 * 3600
SESSION_IDLE_SECONDS = 30 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SECURE_HSTS_SECONDS = 31536000 if PRODUCTION else 0
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PRODUCTION else None

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "bureau.web.logs.WithoutValues",
            "format": "{asctime} {levelname} {name} {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "WARNING")},
}
