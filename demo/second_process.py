"""A second process that does half of a job's chunks, as a second worker would."""

from __future__ import annotations

import datetime
import multiprocessing
from contextlib import suppress
from multiprocessing.connection import Connection

# Nothing of Django's is imported here: the second process reads this file before it has set Django up.


class SecondProcess:
    """Lives as long as the story. It works on the same database, at the moment that it is told."""

    def __init__(self) -> None:
        from django.db import connection

        spawning = multiprocessing.get_context("spawn")
        self._pipe, other_end = spawning.Pipe()
        told = (other_end, connection.settings_dict["NAME"])
        self._process = spawning.Process(target=_work_along, args=told, daemon=True)
        self._process.start()

    def work(self, job_id: int, moment: datetime.datetime) -> None:
        """Do a job together, until nothing of it is left. What fails is written down in the job."""
        from bureau.services import jobs

        self._pipe.send((job_id, moment))
        jobs.work(job_id, clock=lambda: moment)
        self._pipe.recv()
        jobs.work(job_id, clock=lambda: moment)  # whoever comes last finishes it

    def stop(self) -> None:
        with suppress(OSError):  # it has broken off; what failed says so by itself
            self._pipe.send(None)
        self._process.join()


def _work_along(pipe: Connection, database: str) -> None:
    import django
    from django.db import connection

    django.setup()
    from bureau.services import jobs

    connection.settings_dict["NAME"] = database
    while (task := pipe.recv()) is not None:
        job_id, moment = task
        jobs.work(job_id, clock=lambda moment=moment: moment)
        pipe.send(job_id)
