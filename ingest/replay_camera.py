"""A replay's loop: every due picture in order, nothing dropped, resumed from what is counted."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ingest.backoff import Backoff
from ingest.camera_bus import CameraBus
from ingest.rates import Rates
from ingest.replay_file import ReplayFile, describe_replay
from ingest.replay_reading import Picture, ReplayReading
from ingest.source import Source
from maskwatch.config import IngestSettings
from maskwatch.contracts import Camera, CameraState, CameraStatus
from maskwatch.errors import BusError, MaskwatchError, SourceError, StorageError
from maskwatch.replay_epoch import ReplayEpoch
from maskwatch.storage.recordings import ReplayProgress

logger = logging.getLogger(__name__)

FULL_WAIT_S: Final = 0.01
"""Pause before a picture is offered again to a full queue: a worker takes longer for one."""

CHECK_S: Final = 1.0
"""How often Redis is asked who it is, and the status is told."""


class ReplayCamera:
    """Everything one replay does. Call `step` and wait as long as it says, until `is_over`.

    The end is not reached when the last picture is sent, but when the recorder has counted it: a
    Redis that restarts in between has lost pictures, and the file is read again.

    A recording counts once under one camera's name: switched off and on, read at another rate or
    from another path, it goes on behind what is counted.

    Args:
        camera: Whose file.
        settings: How pictures are sent.
        bus: Where they go.
        open_source: Opens the file from its beginning.
        progress: Asks the database what is counted of this camera and of a recording.
    """

    def __init__(
        self,
        camera: Camera,
        settings: IngestSettings,
        *,
        bus: CameraBus,
        open_source: Callable[[], Source],
        progress: Callable[[str], ReplayProgress],
    ) -> None:
        self._camera = camera
        self._settings = settings
        self._bus = bus
        self._open_source = open_source
        self._progress = progress
        self._backoff = Backoff(settings.backoff_min_s, settings.backoff_max_s)
        self._reading: ReplayReading | None = None
        self._server_id = ""
        self._rates = Rates()
        self._next_check_s = 0.0
        self._retry_at_s = 0.0
        self._furthest_s = -1.0
        self._said = ""
        self._status = CameraStatus(
            camera=camera.name, state=CameraState.CONNECTING, updated_at_unix_s=0.0
        )
        self.is_over = False

    def step(self, now_s: float, unix_s: float) -> float:
        """Do the next piece of work and return how many seconds to wait before the next step.

        Args:
            now_s: Monotonic clock.
            unix_s: Wall clock.
        """
        try:
            if now_s >= self._next_check_s:
                self._next_check_s = now_s + CHECK_S
                self._check(now_s, unix_s)
            return self._work(now_s, unix_s)
        except (BusError, StorageError) as error:
            self._say(f"camera {self._camera.name!r}: {error}; the replay waits for it")
            return CHECK_S
        except SourceError as error:
            return self._fail(error, now_s)

    def abandon(self, unix_s: float) -> None:
        """End the epoch here: the camera is removed, or reads something else from now on."""
        reading = self._reading
        if reading is None:
            return
        if not reading.has_ended:
            reading.break_off()
        try:
            while reading.outbox and self._send(reading, unix_s):
                pass
        except BusError as error:
            self._say(f"camera {self._camera.name!r}: {error}")

    def close(self) -> None:
        """Close the file."""
        if self._reading is not None:
            self._reading.close()
        self._reading = None

    def _work(self, now_s: float, unix_s: float) -> float:
        if now_s < self._retry_at_s:
            return min(CHECK_S, self._retry_at_s - now_s)
        reading = self._reading or self._begin()
        if reading.outbox:
            return 0.0 if self._send(reading, unix_s) else FULL_WAIT_S
        if not reading.has_ended:
            reading.read_on()
            if reading.last_time_s > self._furthest_s:
                # Not before: a file with a bad spot would be read up to it again each second.
                self._furthest_s = reading.last_time_s
                self._backoff.reset()
            return 0.0
        return CHECK_S / 4

    def _begin(self) -> ReplayReading:
        source = self._open_source()
        try:
            file = describe_replay(self._camera, source.info)
            # First the server: one that restarts in between is noticed by its other id.
            self._server_id = self._bus.server_id()
            progress = self._progress(file.recording)
        except MaskwatchError:
            source.close()
            raise
        epoch, sequence, tick = _where_to_go_on(self._camera, file, progress)
        reading = ReplayReading(
            self._camera,
            self._settings,
            source=source,
            file=file,
            epoch=epoch,
            counted_sequence=sequence,
            counted_tick=tick,
        )
        self._reading = reading
        self._said = ""
        if progress.counted.ended == file.content:
            reading.has_ended = True
            logger.info("camera %s: the replay is done and counted", self._camera.name)
        else:
            logger.info(
                "camera %s: replay from second %.0f, picture %d behind it",
                self._camera.name, epoch.from_ms / 1000, sequence + 1,
            )  # fmt: skip
        return reading

    def _send(self, reading: ReplayReading, unix_s: float) -> bool:
        """Send the next of the outbox; False where the queue is full."""
        item = reading.outbox[0]
        if isinstance(item, Picture):
            header = replace(item.header, offered_at_unix_s=unix_s)
            if not self._bus.offer(header, item.jpeg).accepted:
                return False
        else:
            self._bus.publish(item)
        reading.outbox.popleft()
        return True

    def _check(self, now_s: float, unix_s: float) -> None:
        reading = self._reading
        if reading is not None:
            if self._bus.server_id() != self._server_id:
                logger.info("camera %s: Redis has restarted; reading again", self._camera.name)
                self.close()
            else:
                # Also while pictures wait: after a restart they may be counted already.
                progress = self._progress(reading.file.recording)
                self.is_over = progress.counted.ended == reading.file.content
                if not self.is_over and _has_finished(progress, reading.tally.epoch):
                    # The process before this one had broken it off; nothing more of it counts.
                    self.close()
        self._status = self._describe(now_s, unix_s)
        self._bus.put_status(self._status)

    def _describe(self, now_s: float, unix_s: float) -> CameraStatus:
        reading = self._reading
        if reading is None:
            retry_in_s = max(0.0, self._retry_at_s - now_s)
            return replace(self._status, updated_at_unix_s=unix_s, retry_in_s=retry_in_s)
        tally, info = reading.tally, reading.source.info
        captured_fps, offered_fps = self._rates.add(
            now_s, tally.captured_total, tally.offered_total
        )
        length_s = info.duration_s or 0.0
        message = f"replay at {reading.last_time_s:.0f} of {length_s:.0f} s"
        if reading.has_ended:
            message = (
                "replay done" if self.is_over else "replay read; its last pictures are counted"
            ) + (f"; {reading.cut_off}" if reading.cut_off else "")
        return replace(
            self._status,
            state=CameraState.ENDED if self.is_over else CameraState.LIVE,
            updated_at_unix_s=unix_s,
            reason="",
            message=message,
            last_frame_unix_s=reading.file.start_unix_s + reading.last_time_s,
            captured_fps=round(captured_fps, 2),
            offered_fps=round(offered_fps, 2),
            captured_total=tally.captured_total,
            offered_total=tally.offered_total,
            rejected_total=dict(tally.rejected_total),
            retry_in_s=0.0,
            width=info.width,
            height=info.height,
            codec=info.codec,
            source_fps=info.fps,
            epoch=tally.epoch,
        )

    def _fail(self, error: SourceError, now_s: float) -> float:
        self.close()
        wait_s = self._backoff.next_s()
        self._retry_at_s = now_s + wait_s
        self._say(str(error))
        self._status = replace(
            self._status,
            state=CameraState.OFFLINE,
            reason=error.reason,
            message=str(error),
            reconnects=self._status.reconnects + 1,
        )
        return 0.0

    def _say(self, message: str) -> None:
        if message != self._said:
            logger.warning("%s", message)
        self._said = message


def _where_to_go_on(
    camera: Camera, file: ReplayFile, progress: ReplayProgress
) -> tuple[ReplayEpoch, int, int]:
    """The epoch to read, and the highest sequence and tick of it that are counted; -1 for none."""
    new = ReplayEpoch(
        revision=camera.revision,
        recording=file.recording,
        start_unix_s=round(file.start_unix_s),
        fps=f"{camera.fps:g}",
        # Rounded down: no picture may be left out, and what comes twice is not counted twice.
        from_ms=int(progress.counted.until_s * 1000),
    )
    position = progress.position
    if position is None or position.is_finished:
        return new, -1, -1
    current = ReplayEpoch.parse(position.epoch)
    if current is None or not current.numbers_as(new):
        return new, -1, -1
    return current, position.last_sequence, position.last_tick


def _has_finished(progress: ReplayProgress, epoch: str) -> bool:
    position = progress.position
    return position is not None and position.epoch == epoch and position.is_finished
