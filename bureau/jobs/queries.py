"""Reads that every room shares."""

from dataclasses import dataclass

from django.db.models import Count, Q

from bureau.jobs.models import Chunk, Job


@dataclass(frozen=True)
class Progress:
    """How many chunks of a job there are, and how many of them are done, failed and still open."""

    total: int
    done: int
    failed: int

    @property
    def waiting(self) -> int:
        return self.total - self.done - self.failed

    @property
    def percent(self) -> int:
        return 100 * (self.done + self.failed) // self.total if self.total else 100


def progress(job: Job) -> Progress:
    return Progress(
        **job.chunks.aggregate(
            total=Count("pk"),
            done=Count("pk", filter=Q(status=Chunk.Status.DONE)),
            failed=Count("pk", filter=Q(status=Chunk.Status.FAILED)),
        )
    )
