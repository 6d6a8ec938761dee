"""What staff get back of an upload: the file of rejected rows, and the file as it came."""


def rejects(upload) -> str:
    """The file of rejected rows as text; empty where no row was turned away."""
    from bureau.rosters import rejected, uploads

    if not upload.rejected:
        return ""
    return b"".join(rejected.rejects_of(upload, uploads.roster(upload.kind).sheet)).decode("utf-8-sig")


def original(upload) -> bytes:
    from bureau.rosters import originals

    with originals.opened(upload) as file:
        return file.read()
