"""One reading of a replayed file from its beginning: what is to be sent, in order.

Two readings of one file give the same pictures with the same numbers and the same ticks; what is
counted already is read and numbered too, but not given out.
"""

from collections import deque
from dataclasses import dataclass, field

from ingest.jpeg import encode_jpeg
from ingest.replay_file import ReplayFile
from ingest.sanity import SanityCheck
from ingest.source import CapturedFrame, EndOfStream, Source
from ingest.tally import Tally
from ingest.thinning import Thinner
from maskwatch.config import IngestSettings
from maskwatch.contracts import Camera, CameraState, FrameHeader, Watch

TICK_S = 1.0


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture to be offered."""

    header: FrameHeader
    jpeg: bytes = field(repr=False)


class ReplayReading:
    """Reads on, picture by picture, and leaves in `outbox` what is to be sent.

    Args:
        camera: Whose file.
        settings: How pictures are made.
        source: The open file; nothing read yet.
        file: Its epoch and time.
        counted_sequence: Pictures up to this one are counted already; -1 for none.
        counted_tick: Ticks up to this one are counted already; -1 for none.
    """

    def __init__(
        self,
        camera: Camera,
        settings: IngestSettings,
        *,
        source: Source,
        file: ReplayFile,
        counted_sequence: int = -1,
        counted_tick: int = -1,
    ) -> None:
        self.outbox: deque[Picture | Watch] = deque()
        self.source = source
        self.file = file
        self.tally = Tally(camera.name, file.epoch, is_replay=True)
        self.has_ended = False
        self.last_time_s = 0.0
        self._settings = settings
        self._counted_sequence = counted_sequence
        self._counted_tick = counted_tick
        self._thinner = Thinner(camera.fps, source_fps=source.info.fps)
        self._sanity = SanityCheck()
        self._told_s = 0.0

    def read_on(self) -> None:
        """Read one picture, or find the end.

        Raises:
            SourceError: The file cannot be read.
        """
        try:
            frame = self.source.read()
        except EndOfStream:
            fps = self.source.info.fps
            self.end(until_s=self.last_time_s + (1 / fps if fps else 0.0))
            return
        while frame.media_time_s >= self._told_s + TICK_S:
            self._tell(self._told_s + TICK_S)
        self.last_time_s = frame.media_time_s
        self.tally.captured(1)
        if self._thinner.is_due(frame.media_time_s):
            self._handle(frame)

    def end(self, *, until_s: float) -> None:
        """End the epoch at this media time."""
        self._tell(max(until_s, self._told_s), is_last=True)
        self.has_ended = True

    def close(self) -> None:
        """Close the file."""
        self.source.close()

    def _handle(self, frame: CapturedFrame) -> None:
        bgr = frame.to_bgr(max_width=self._settings.max_width)
        reject = self._sanity.judge(frame, bgr, time_s=frame.media_time_s)
        if reject is not None:
            self.tally.rejected(reject)
            return
        sequence = self.tally.next_sequence
        self.tally.offered()
        if sequence <= self._counted_sequence:
            return
        header = FrameHeader(
            camera=self.tally.camera,
            epoch=self.tally.epoch,
            sequence=sequence,
            captured_at_unix_s=self.file.start_unix_s + frame.media_time_s,
            media_time_s=frame.media_time_s,
            width=bgr.shape[1],
            height=bgr.shape[0],
            is_replay=True,
        )
        jpeg = encode_jpeg(bgr, quality=self._settings.jpeg_quality)
        self.outbox.append(Picture(header, jpeg))

    def _tell(self, until_s: float, *, is_last: bool = False) -> None:
        watch = self.tally.close(
            self.file.start_unix_s + self._told_s,
            self.file.start_unix_s + until_s,
            state=CameraState.LIVE,
            is_last=is_last,
        )
        self._told_s = until_s
        if watch.tick > self._counted_tick:
            self.outbox.append(watch)
