"""One reading of a replayed file from its beginning: what is to be sent, in order.

Two readings of one epoch give the same pictures with the same numbers and the same ticks; what is
counted of it already is read and numbered too, but not given out. What is before the place where
the epoch begins is counted by earlier ones, and neither numbered nor told.
"""

import logging
from collections import deque
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from ingest.connection import STALL_S
from ingest.jpeg import encode_jpeg
from ingest.replay_file import ReplayFile
from ingest.sanity import SanityCheck
from ingest.source import CapturedFrame, EndOfStream, Source
from ingest.tally import Tally
from ingest.thinning import Thinner
from maskwatch.config import IngestSettings
from maskwatch.contracts import Camera, CameraState, FrameHeader, SourceReason, Watch
from maskwatch.replay_epoch import ReplayEpoch

logger = logging.getLogger(__name__)

TICK_S: Final = 1.0

_STEPS_KEPT: Final = 25


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture to be offered."""

    header: FrameHeader
    jpeg: bytes = field(repr=False)


class ReplayReading:
    """Reads on, picture by picture, and leaves in `outbox` what is to be sent.

    A file that ends before its stated length is read as far as it goes, and `cut_off` says so.

    Args:
        camera: Whose file.
        settings: How pictures are made.
        source: The open file; nothing read yet.
        file: Its content and time.
        epoch: How the pictures are numbered, and from where.
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
        epoch: ReplayEpoch,
        counted_sequence: int = -1,
        counted_tick: int = -1,
    ) -> None:
        self.outbox: deque[Picture | Watch] = deque()
        self.source = source
        self.file = file
        self.tally = Tally(camera.name, str(epoch), is_replay=True)
        self.has_ended = False
        self.cut_off = ""
        self.last_time_s = 0.0
        self._settings = settings
        self._counted_sequence = counted_sequence
        self._counted_tick = counted_tick
        self._thinner = Thinner(camera.fps, source_fps=source.info.fps)
        self._sanity = SanityCheck()
        self._from_s = self._told_s = epoch.from_ms / 1000
        self._steps_s: deque[float] = deque(maxlen=_STEPS_KEPT)

    def read_on(self) -> None:
        """Read one picture, or find the end.

        Raises:
            SourceError: The file cannot be read.
        """
        try:
            frame = self.source.read()
        except EndOfStream:
            self._mind_cut_off()
            self._end(self.last_time_s + self._usual_step_s(), recording_end=self.file.content)
            return
        self._tell_up_to(frame.media_time_s)
        self.last_time_s = frame.media_time_s
        # Also what is not wanted: the rhythm must not depend on where the epoch begins.
        is_due = self._thinner.is_due(frame.media_time_s)
        if frame.media_time_s < self._from_s:
            return
        self.tally.captured(1)
        if is_due:
            self._handle(frame)

    def break_off(self) -> None:
        """End the epoch behind the newest picture; the recording may be read on from there."""
        # Half a step: the newest picture is surely before it, and the next one surely behind.
        self._end(self.last_time_s + self._usual_step_s() / 2)

    def close(self) -> None:
        """Close the file."""
        self.source.close()

    def _mind_cut_off(self) -> None:
        info = self.source.info
        if info.is_near_end(self.last_time_s):
            return
        self.cut_off = f"cut off at {self.last_time_s:.0f} of {info.duration_s or 0.0:.0f} s"
        logger.warning(
            "camera %r: the replayed file is %s; copy it again, switch the camera off and on, and "
            "the replay goes on",
            self.tally.camera, self.cut_off,
        )  # fmt: skip

    def _end(self, until_s: float, *, recording_end: str = "") -> None:
        self._tell(max(until_s, self._told_s), is_last=True, recording_end=recording_end)
        self.has_ended = True

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
            tick=self.tally.next_tick,
        )
        jpeg = encode_jpeg(bgr, quality=self._settings.jpeg_quality)
        self.outbox.append(Picture(header, jpeg))

    def _tell_up_to(self, time_s: float) -> None:
        """Close the ticks before the next picture. What a recording has left out is not watched."""
        step_s, usual_s = time_s - self.last_time_s, self._usual_step_s()
        if step_s > max(STALL_S, 3 * usual_s):
            seen_until_s = self.last_time_s + usual_s
            self._tell_ticks(seen_until_s)
            if seen_until_s > self._told_s:
                self._tell(seen_until_s)
            self._tell_ticks(time_s, is_gap=True)
            if time_s > self._told_s:
                self._tell(time_s, is_gap=True)
        self._tell_ticks(time_s)
        if step_s > 0:
            self._steps_s.append(step_s)

    def _usual_step_s(self) -> float:
        """Time from picture to picture. The stated rate of a file with gaps counts these in."""
        if self._steps_s:
            return median(self._steps_s)
        fps = self.source.info.fps
        return 1 / fps if fps else 0.0

    def _tell_ticks(self, until_s: float, *, is_gap: bool = False) -> None:
        while until_s >= self._told_s + TICK_S:
            self._tell(self._told_s + TICK_S, is_gap=is_gap)

    def _tell(
        self,
        until_s: float,
        *,
        is_gap: bool = False,
        is_last: bool = False,
        recording_end: str = "",
    ) -> None:
        watch = self.tally.close(
            self.file.start_unix_s + self._told_s,
            self.file.start_unix_s + until_s,
            state=CameraState.OFFLINE if is_gap else CameraState.LIVE,
            reason=SourceReason.TIMEOUT.value if is_gap else "",
            is_last=is_last,
            media_until_s=until_s,
            recording_end=recording_end,
        )
        self._told_s = until_s
        if watch.tick > self._counted_tick:
            self.outbox.append(watch)
