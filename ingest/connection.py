"""The way to a live source: connecting, live, offline and again, for ever, one `step` at a time."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from ingest.backoff import Backoff
from ingest.reader import News, UnforeseenError
from ingest.source import SourceInfo
from maskwatch.config import IngestSettings
from maskwatch.contracts import CameraState, SourceReason

logger = logging.getLogger(__name__)

STUCK_S: Final = 15.0
"""A reader that is told to end and holds on so much longer than its time-outs will never end."""

STALL_S: Final = 2.0
"""Seconds without a picture are not watched, long before the connection counts as lost."""


class Reader(Protocol):
    """What the connection needs of a `LiveReader`."""

    def start(self) -> None:
        """Begin to open the source."""

    def wait(self, timeout_s: float) -> None:
        """Return when there is news, or the time is over."""

    def take(self) -> News:
        """Return what has happened."""

    def cancel(self) -> None:
        """Have the thread end."""

    def is_alive(self) -> bool:
        """Say whether the thread is still there."""


class ReaderStuckError(Exception):
    """A reader thread cannot be ended; only the end of its process helps."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What is to be said of the connection.

    Attributes:
        state: CONNECTING, LIVE, OFFLINE or ENDED.
        reason: Where OFFLINE.
        message: One sentence for people.
        is_gap: Nothing is wrong: a file has no pictures here. The time is not watched all the same.
    """

    state: CameraState
    reason: str = ""
    message: str = ""
    is_gap: bool = False


class Connection:
    """Keeps a reader running: a new one after each loss, later and later. Never gives up.

    Args:
        name: Of the camera, for the log.
        settings: Time-outs and waits.
        make_reader: Makes a reader that has not begun.
        backoff: Waits between tries; None: from the settings.
    """

    def __init__(
        self,
        name: str,
        settings: IngestSettings,
        *,
        make_reader: Callable[[], Reader],
        backoff: Backoff | None = None,
    ) -> None:
        self._name = name
        self._make_reader = make_reader
        self._frame_timeout_s = settings.frame_timeout_s
        self._open_patience_s = 2 * settings.open_timeout_s + settings.frame_timeout_s
        self._backoff = backoff or Backoff(settings.backoff_min_s, settings.backoff_max_s)
        self._reader: Reader | None = None
        self._leaving: Reader | None = None
        self._leave_by_s = 0.0
        self._deadline_s = 0.0
        self._last_picture_s: float | None = None
        self._next_due_s: float | None = None
        self._condition = Condition(CameraState.CONNECTING, message="connecting")
        self._logged = ""
        self.info = SourceInfo()
        self.retry_at_s = 0.0
        self.losses = 0

    def wait(self, timeout_s: float) -> None:
        """Return when the reader has news, or the time is over. Needs a reader to wait for."""
        if self._reader is not None:
            self._reader.wait(timeout_s)

    @property
    def has_reader(self) -> bool:
        """Say whether a reader is opening or reading the source."""
        return self._reader is not None

    def step(self, now_s: float) -> News:
        """Do what is due and return what the reader has brought.

        Args:
            now_s: Monotonic clock.

        Raises:
            ReaderStuckError: An old reader does not end.
        """
        if self._condition.state is CameraState.ENDED:
            return News()
        if self._reader is None:
            self._try_again(now_s)
            return News()
        news = self._reader.take()
        self.info = news.info or self.info
        if news.captured:
            self._hear_pictures(now_s)
        self._next_due_s = news.next_due_s
        if news.next_due_s is not None:
            # A file cannot lose its connection while the time of its next picture is waited for.
            self._deadline_s = max(self._deadline_s, news.next_due_s + self._frame_timeout_s)
        if news.has_ended:
            self._reader = None
            self._condition = Condition(CameraState.ENDED, message="the file is at its end")
        elif news.error is not None:
            cause = news.error.__cause__ if isinstance(news.error, UnforeseenError) else None
            self._lose(now_s, news.error.reason, str(news.error), cause=cause)
        elif now_s > self._deadline_s:
            is_open = self._condition.state is CameraState.LIVE
            waited_s = self._frame_timeout_s if is_open else self._open_patience_s
            self.lose(now_s, SourceReason.TIMEOUT, f"no picture for {waited_s:.0f} s")
        return news

    def good_picture(self) -> None:
        """A picture that is fit for analysis has come: the next loss is the first again."""
        self._backoff.reset()

    def lose(self, now_s: float, reason: SourceReason, message: str) -> None:
        """Give the connection up and try again later."""
        self._lose(now_s, reason.value, f"{message}; connecting again")

    def condition(self, now_s: float) -> Condition:
        """Say how it stands. A live source that has not sent anything for a while is not live."""
        if self._condition.state is not CameraState.LIVE or self._last_picture_s is None:
            return self._condition
        silent_s = now_s - self._last_picture_s
        if silent_s <= max(STALL_S, 3 / self.info.fps if self.info.fps else 0):
            return self._condition
        timeout = SourceReason.TIMEOUT.value
        if self._next_due_s is not None and self._next_due_s > now_s:
            message = f"a gap in the recording: it goes on in {self._next_due_s - now_s:.0f} s"
            return Condition(CameraState.OFFLINE, timeout, message, is_gap=True)
        return Condition(CameraState.OFFLINE, timeout, f"no picture for {silent_s:.0f} s")

    def close(self) -> None:
        """Have the reader end; it is not waited for."""
        if self._reader is not None:
            self._reader.cancel()

    def _try_again(self, now_s: float) -> None:
        if self._leaving is not None:
            if self._leaving.is_alive():
                if now_s > self._leave_by_s:
                    raise ReaderStuckError(f"camera {self._name!r}: a reading thread does not end")
                return
            self._leaving = None
        if now_s < self.retry_at_s:
            return
        self._reader = self._make_reader()
        self._reader.start()
        self._deadline_s = now_s + self._open_patience_s
        if self.losses == 0:
            logger.info("camera %s: connecting", self._name)

    def _hear_pictures(self, now_s: float) -> None:
        self._last_picture_s = now_s
        self._deadline_s = now_s + self._frame_timeout_s
        if self._condition.state is not CameraState.LIVE:
            info = self.info
            logger.info(
                "camera %s: live, %s %dx%d, %.3g pictures a second",
                self._name, info.codec, info.width, info.height, info.fps,
            )  # fmt: skip
            self._logged = ""
            self._condition = Condition(CameraState.LIVE)

    def _lose(
        self, now_s: float, reason: str, message: str, *, cause: BaseException | None = None
    ) -> None:
        subject = f"camera {self._name!r}:"
        if not message.startswith(subject):
            message = f"{subject} {message}"
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.cancel()
            self._leaving = reader
            self._leave_by_s = now_s + self._open_patience_s + STUCK_S
        self.losses += 1
        wait_s = self._backoff.next_s()
        self.retry_at_s = now_s + wait_s
        self._condition = Condition(CameraState.OFFLINE, reason, message)
        # A camera that is down for a week says so once, not thirty thousand times.
        level = logging.DEBUG if message == self._logged else logging.WARNING
        logger.log(level, "%s; next try in %.0f s", message, wait_s, exc_info=cause)
        self._logged = message
