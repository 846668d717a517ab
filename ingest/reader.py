"""A thread that drains one source and keeps only the newest picture that is due for analysis.

A source must be read as fast as it sends, or its pictures grow old in the network's buffers. So
this thread decodes everything, thins, and leaves the newest due picture in a slot of one.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from ingest.source import CapturedFrame, EndOfStream, Source, SourceInfo
from ingest.thinning import Thinner
from maskwatch.contracts import SourceReason
from maskwatch.errors import MaskwatchError, SourceError


@dataclass(frozen=True, slots=True)
class News:
    """What has happened since the last look.

    Attributes:
        frame: The newest picture that is due for analysis.
        captured: Pictures received.
        overtaken: Pictures that were due and were replaced by a newer one before this look.
        info: What the source says of itself, once it is open.
        error: Why reading has stopped; with it nothing more will come.
        has_ended: The source has come to its proper end; nothing more will come.
    """

    frame: CapturedFrame | None = None
    captured: int = 0
    overtaken: int = 0
    info: SourceInfo | None = None
    error: SourceError | None = None
    has_ended: bool = False


class LiveReader:
    """Opens and reads one source, once; for the next try make another."""

    def __init__(self, open_source: Callable[[threading.Event], Source], *, fps: float) -> None:
        self._open_source = open_source
        self._fps = fps
        self._cancelled = threading.Event()
        self._changed = threading.Condition()
        self._news = News()
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)

    def start(self) -> None:
        """Begin to open the source."""
        self._thread.start()

    def wait(self, timeout_s: float) -> None:
        """Return when a picture or the end is there, or the time is over."""
        with self._changed:
            self._changed.wait_for(self._has_something, timeout=timeout_s)

    def take(self) -> News:
        """Return the news and clear the slot."""
        with self._changed:
            news = self._news
            self._news = News(info=news.info, error=news.error, has_ended=news.has_ended)
            return news

    def cancel(self) -> None:
        """Have the thread end after the picture it is waiting for; it closes the source itself."""
        self._cancelled.set()

    def is_alive(self) -> bool:
        """Say whether the thread still holds the source."""
        return self._thread.is_alive()

    def _has_something(self) -> bool:
        news = self._news
        return news.frame is not None or news.error is not None or news.has_ended

    def _run(self) -> None:
        try:
            source = self._open_source(self._cancelled)
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
            problem = SourceError(
                f"reading failed in a way that is not foreseen ({type(error).__name__})",
                reason=SourceReason.INVALID_DATA,
            )
            problem.__cause__ = error
            self._update(error=problem)

    def _drain(self, source: Source) -> None:
        thinner = Thinner(self._fps, source_fps=source.info.fps)
        has_exact_times = source.info.has_exact_times
        while not self._cancelled.is_set():
            frame = source.read()
            time_s = frame.media_time_s if has_exact_times else frame.arrived_at_s
            self._captured(frame if thinner.is_due(time_s) else None)

    def _captured(self, frame: CapturedFrame | None) -> None:
        with self._changed:
            news = self._news
            is_overtaking = frame is not None and news.frame is not None
            self._news = News(
                frame=frame or news.frame,
                captured=news.captured + 1,
                overtaken=news.overtaken + is_overtaking,
                info=news.info,
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
            news = self._news
            self._news = News(
                frame=news.frame,
                captured=news.captured,
                overtaken=news.overtaken,
                info=info or news.info,
                error=error,
                has_ended=has_ended,
            )
            self._changed.notify_all()
