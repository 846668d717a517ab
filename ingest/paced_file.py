"""A file played at its own speed, as if it were a camera."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ingest.source import CapturedFrame, EndOfStream, Source, SourceInfo

LATE_S: Final = 1.0
"""A machine that cannot keep up plays the file slower, instead of ever faster behind the clock."""


class PacedFile:
    """Gives a file's pictures when they are due; at the end it stops or starts again.

    Args:
        file: Opened, nothing read yet.
        open_again: Opens the file from its beginning.
        loops: Start again at the end; the media time goes on.
        stop: Ends the wait for a picture's time: the stream ends.
    """

    def __init__(
        self,
        file: Source,
        open_again: Callable[[], Source],
        *,
        loops: bool,
        stop: threading.Event,
    ) -> None:
        self._file = file
        self._open_again = open_again
        self._loops = loops
        self._stop = stop
        self._info = file.info
        self._zero_at_s: float | None = None
        self._round_begins_s = 0.0
        self._last_s = 0.0
        self.next_due_s: float | None = None
        """Monotonic clock: while a picture's time is waited for, when that is."""

    @property
    def info(self) -> SourceInfo:
        """What the file says of itself; a loop has no length."""
        no_end = replace(self._info, duration_s=None, stated_length_s=None)
        return no_end if self._loops else self._info

    def read(self) -> CapturedFrame:
        """Wait until the next picture is due; see `Source.read`."""
        frame = self._next()
        frame.media_time_s += self._round_begins_s
        self._last_s = frame.media_time_s
        now_s = time.monotonic()
        if self._zero_at_s is None or now_s - (self._zero_at_s + frame.media_time_s) > LATE_S:
            self._zero_at_s = now_s - frame.media_time_s
        self.next_due_s = self._zero_at_s + frame.media_time_s
        if self._stop.wait(max(0.0, self.next_due_s - now_s)):
            raise EndOfStream
        self.next_due_s = None
        frame.arrived_at_s, frame.arrived_at_unix_s = time.monotonic(), time.time()
        return frame

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _next(self) -> CapturedFrame:
        try:
            return self._file.read()
        except EndOfStream:
            if not self._loops:
                raise
        self._file.close()
        self._file = self._open_again()
        self._round_begins_s = self._last_s + (1.0 / self._info.fps if self._info.fps else 0.04)
        return self._file.read()
