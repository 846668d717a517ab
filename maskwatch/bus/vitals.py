"""Whether what the cameras deliver is analysed and counted: the life signs behind the pictures."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import redis

from maskwatch.bus.connection import bus_errors
from maskwatch.bus.recorder_status import RECORDER_STALE_S, RecorderBoard
from maskwatch.bus.status import StatusBoard
from maskwatch.contracts import STATUS_STALE_S, CameraState, CameraStatus, results_key

_FROM_THE_START: Final = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """Life signs at one moment.

    Attributes:
        workers: Inference processes that have spoken in the last seconds.
        uncounted_s: How long results have waited for the recorder; None while it counts, or has
            nothing to count.
    """

    workers: int
    uncounted_s: float | None

    @property
    def analysis_problem(self) -> str:
        """Why nothing is analysed, with the remedy; "" where something is."""
        if self.workers:
            return ""
        return (
            "No worker is running: pictures are not analysed, and the counts stand still. "
            "Start one with `maskwatch work`; it is part of `maskwatch up`."
        )

    @property
    def counting_problem(self) -> str:
        """Why nothing is counted, with the remedy; "" where the recorder works."""
        if self.uncounted_s is None:
            return ""
        return (
            f"Nothing has been counted for {_duration(self.uncounted_s)}: the recorder is not "
            "running or cannot write, and the counts stand still. Start it with "
            "`maskwatch record`; it is part of `maskwatch up`, and its log says what it met."
        )

    @property
    def problem(self) -> str:
        """All that is wrong; "" where all is well."""
        return " ".join(filter(None, (self.analysis_problem, self.counting_problem)))


def read_vitals(
    client: redis.Redis, statuses: Iterable[CameraStatus], *, now_unix_s: float
) -> Vitals:
    """Ask Redis for the life signs.

    Args:
        client: The connection.
        statuses: Newest word of the cameras; results of those being read must be counted.
        now_unix_s: The present moment.

    Raises:
        BusError: Redis cannot be reached.
    """
    names = [s.camera for s in statuses if is_being_read(s, now_unix_s=now_unix_s)]
    return Vitals(
        workers=len(StatusBoard(client).workers()),
        uncounted_s=_uncounted_s(client, names, now_unix_s),
    )


def is_being_read(status: CameraStatus, *, now_unix_s: float) -> bool:
    """Whether an ingest process is at this camera now, whatever it gets from it."""
    is_fresh = now_unix_s - status.updated_at_unix_s <= STATUS_STALE_S
    return is_fresh and status.state is not CameraState.ENDED


def _uncounted_s(client: redis.Redis, names: list[str], now_unix_s: float) -> float | None:
    recorded = RecorderBoard(client).all()
    newest = max((each.committed_at_unix_s for each in recorded.values()), default=float("-inf"))
    if now_unix_s - newest <= RECORDER_STALE_S:
        return None
    # Silence alone is no proof: where no result waits there is nothing to count.
    waits = []
    for name in names:
        counted_to = recorded[name].results_stream_id if name in recorded else ""
        after = f"({counted_to}" if counted_to else _FROM_THE_START
        with bus_errors(client):
            oldest: Any = client.xrange(results_key(name), min=after, count=1)
        if oldest:
            waits.append(now_unix_s - int(oldest[0][0].split(b"-")[0]) / 1000)
    longest = max(waits, default=0.0)
    return longest if longest > RECORDER_STALE_S else None


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
