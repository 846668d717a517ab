"""Stand-ins for the network, Redis and time: what they are told is what they give."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.reader import News
from ingest.source import CapturedFrame, EndOfStream, SourceInfo
from maskwatch.bus import Offer
from maskwatch.contracts import CameraStatus, FrameHeader, SourceReason, Watch
from maskwatch.errors import BusError, SourceError
from tests.support.pictures import textured

INFO = SourceInfo(width=320, height=240, codec="h264", fps=25.0)


def frame(number: int, *, time_s: float = 0.0, is_damaged: bool = False) -> CapturedFrame:
    """A good picture that arrived at this time on both clocks."""
    return CapturedFrame(textured(number), time_s, time_s, 1000.0 + time_s, is_damaged)


def lost(reason: SourceReason = SourceReason.REFUSED) -> SourceError:
    """Why a source was lost."""
    return SourceError(f"camera 'door': {reason.value}", reason=reason)


class FakeReader:
    """Gives the news that a test has put into it."""

    def __init__(self, news: list[News] | None = None) -> None:
        self.news = deque(news or [])
        self.is_started = False
        self.is_cancelled = False
        self.ends = True

    def start(self) -> None:
        self.is_started = True

    def wait(self, timeout_s: float) -> None:
        pass

    def take(self) -> News:
        return self.news.popleft() if self.news else News()

    def cancel(self) -> None:
        self.is_cancelled = True

    def is_alive(self) -> bool:
        return not (self.is_cancelled and self.ends)


@dataclass
class FakeBus:
    """Remembers what it is given; fails while it is `gone`, is full while `room` is 0."""

    gone: bool = False
    room: int | None = None
    run_id: str = "redis-1"
    dropped: deque[tuple[int, ...]] = field(default_factory=deque)
    offered: list[FrameHeader] = field(default_factory=list)
    watches: list[Watch] = field(default_factory=list)
    statuses: list[CameraStatus] = field(default_factory=list)

    def offer(self, header: FrameHeader, jpeg: bytes) -> Offer:
        self._answer()
        assert jpeg.startswith(b"\xff\xd8")
        if self.room == 0:
            return Offer(False)
        if self.room is not None:
            self.room -= 1
        self.offered.append(header)
        return Offer(True, self.dropped.popleft() if self.dropped else ())

    def publish(self, watch: Watch) -> None:
        self._answer()
        self.watches.append(watch)

    def put_status(self, status: CameraStatus) -> None:
        self._answer()
        self.statuses.append(status)

    def server_id(self) -> str:
        self._answer()
        return self.run_id

    def _answer(self) -> None:
        if self.gone:
            raise BusError("Redis at x cannot be reached")


class FakeSource:
    """Gives pictures of 25 a second, or of the times given, then its end or its loss.

    With `arrivals` it is a camera, else a file.
    """

    def __init__(
        self,
        pictures: int,
        *,
        error: SourceError | None = None,
        bad: frozenset[int] = frozenset(),
        times: Sequence[float] | None = None,
        arrivals: Sequence[float] | None = None,
        fps: float = 25.0,
    ) -> None:
        self._times = times or [number / 25 for number in range(pictures)]
        length_s = self._times[-1] + 1 / fps
        self._arrivals = arrivals
        self.info = SourceInfo(320, 240, "h264", fps, length_s, has_exact_times=True)
        if arrivals:
            self.info = SourceInfo(320, 240, "h264", fps)
        self.is_closed = False
        self._pictures = pictures
        self._error = error
        self._bad = bad
        self._next = 0

    def read(self) -> CapturedFrame:
        number = self._next
        if number >= self._pictures:
            raise self._error or EndOfStream()
        self._next += 1
        shown = frame(number, time_s=self._times[number], is_damaged=number in self._bad)
        if self._arrivals:
            shown.arrived_at_s = self._arrivals[number]
        return shown

    def close(self) -> None:
        self.is_closed = True
