"""What an upload changed, for tests that hold it against the rows."""

from bureau.history.acts import OF_UPLOAD
from bureau.models import Change, Upload


def changes_of(upload: Upload) -> list[Change]:
    """The changed rows, not those that it made or removed."""
    changes = Change.objects.raw(f"{OF_UPLOAD} ORDER BY c.id", {"upload": upload.pk})
    return [change for change in changes if change.before is not None and change.after is not None]
