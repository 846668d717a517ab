"""A thread that drains one source and keeps only the newest pictures that are due for analysis.

A source must be read as fast as it sends, or its pictures grow old in the network's buffers. So
this thread decodes everything, thins, and leaves the newest due pictures in a few slots: one alone
would lose those of a burst.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import av

from ingest.failures import without_address
from ingest.live_clock import LiveClock
from ingest.paced_file import PacedFile
from ingest.source import CapturedFrame, EndOfStream, Source, SourceInfo
from ingest.thinning import Thinner
from maskwatch.contracts import SourceReason
from maskwatch.errors import MaskwatchError, SourceError


class UnforeseenError(SourceError):
    """Reading failed as nobody has thought of; its cause, with the traceback, is for the log."""


@dataclass(frozen=True, slots=True)
class News:
    """What has happened since the last look.

    Attributes:
        frames: The newest pictures that are due for analysis, oldest first.
        captured: Pictures received.
        overtaken: Pictures that were due and were pushed out by newer ones before this look.
        info: What the source says of itself, once it is open.
        error: Why reading has stopped; with it nothing more will come.
        has_ended: The source has come to its proper end; nothing more will come.
        next_due_s: Monotonic clock: a file's next picture comes then and not before.
    """

    frames: tuple[CapturedFrame, ...] = ()
    captured: int = 0
    overtaken: int = 0
    info: SourceInfo | None = None
    error: SourceError | None = None
    has_ended: bool = False
    next_due_s: float | None = None


class LiveReader:
    """Opens and reads one source, once; for the next try make another.

    Args:
        open_source: Opens it; the event is set when it is to be closed again.
        fps: Pictures a second that are due for analysis.
        slots: Due pictures that may wait for a look.
    """

    def __init__(
        self, open_source: Callable[[threading.Event], Source], *, fps: float, slots: int
    ) -> None:
        self._open_source = open_source
        self._fps = fps
        self._slots = slots
        self._cancelled = threading.Event()
        self._changed = threading.Condition()
        self._news = News()
        self._source: Source | None = None
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)

    def start(self) -> None:
        """Begin to open the source."""
        self._thread.start()

    def wait(self, timeout_s: float) -> None:
        """Return when a picture or the end is there, or the time is over."""
        with self._changed:
            self._changed.wait_for(self._has_something, timeout=timeout_s)

    def take(self) -> News:
        """Return the news and clear the slots."""
        source = self._source
        next_due_s = source.next_due_s if isinstance(source, PacedFile) else None
        with self._changed:
            news = self._news
            self._news = News(info=news.info, error=news.error, has_ended=news.has_ended)
            return replace(news, next_due_s=next_due_s)

    def cancel(self) -> None:
        """Have the thread end after the picture it is waiting for; it closes the source itself."""
        self._cancelled.set()

    def is_alive(self) -> bool:
        """Say whether the thread still holds the source."""
        return self._thread.is_alive()

    def _has_something(self) -> bool:
        news = self._news
        return bool(news.frames) or news.error is not None or news.has_ended

    def _run(self) -> None:
        try:
            source = self._source = self._open_source(self._cancelled)
            try:
                self._update(info=source.info)
                self._drain(source)
            finally:
                source.close()
        except EndOfStream:
            self._update(has_ended=True)
        except SourceError as error:
            self._update(error=error)
        except MaskwatchError as error:
            self._update(error=SourceError(str(error), reason=SourceReason.INVALID_DATA))
        except Exception as error:  # the border of the thread: a silent end would look like a wait
            self._update(error=_unforeseen(error))

    def _drain(self, source: Source) -> None:
        thinner = Thinner(self._fps, source_fps=source.info.fps)
        clock = None if source.info.has_exact_times else LiveClock()
        while not self._cancelled.is_set():
            frame = source.read()
            time_s = frame.media_time_s
            if clock is not None:
                time_s = clock.time_of(time_s, frame.arrived_at_s)
            self._captured(frame if thinner.is_due(time_s) else None)

    def _captured(self, frame: CapturedFrame | None) -> None:
        with self._changed:
            news = self._news
            frames = news.frames if frame is None else (*news.frames, frame)
            kept = frames[-self._slots :]
            self._news = replace(
                news,
                frames=kept,
                captured=news.captured + 1,
                overtaken=news.overtaken + len(frames) - len(kept),
            )
            if frame is not None:
                self._changed.notify_all()

    def _update(
        self,
        *,
        info: SourceInfo | None = None,
        error: SourceError | None = None,
        has_ended: bool = False,
    ) -> None:
        with self._changed:
            self._news = replace(
                self._news, info=info or self._news.info, error=error, has_ended=has_ended
            )
            self._changed.notify_all()


def _unforeseen(error: Exception) -> UnforeseenError:
    problem = UnforeseenError(
        f"reading failed in a way that is not foreseen ({type(error).__name__}): report it with "
        "the log",
        reason=SourceReason.INVALID_DATA,
    )
    if isinstance(error, av.FFmpegError):
        # FFmpeg's own text holds the address with its log-in.
        error = without_address(error).with_traceback(error.__traceback__)
    problem.__cause__ = error
    return problem
