"""What processes say of themselves, made up."""

from maskwatch.contracts import WorkerStatus


def a_worker(now_unix_s: float) -> WorkerStatus:
    """A worker that has just started."""
    return WorkerStatus(
        name="w1",
        pid=1,
        host="here",
        device="cpu",
        detector="none",
        classifier="none",
        started_at_unix_s=now_unix_s,
        updated_at_unix_s=now_unix_s,
    )
