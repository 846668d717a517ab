"""A live camera's loop: newest pictures to the frame queue, a tick and a status each second."""

import logging
from collections.abc import Callable
from typing import Final

from ingest.backoff import Backoff
from ingest.camera_bus import CameraBus
from ingest.connection import Connection, Reader
from ingest.jpeg import encode_jpeg
from ingest.rates import Rates
from ingest.sanity import SanityCheck
from ingest.source import CapturedFrame
from ingest.tally import Tally
from maskwatch.config import IngestSettings
from maskwatch.contracts import (
    Camera,
    CameraState,
    CameraStatus,
    FrameHeader,
    Reject,
    SourceReason,
    Watch,
)
from maskwatch.errors import BusError

logger = logging.getLogger(__name__)

TICK_S: Final = 1.0

FROZEN_RECONNECT_S: Final = 60.0
"""A picture that stands still so long may be a hung encoder: connecting again often helps."""


def live_epoch(camera: Camera, unix_s: float) -> str:
    """Return the name of an epoch that begins now; a later one sorts behind it."""
    return f"{camera.revision:08d}-live-{int(unix_s * 1000):014d}"


class LiveCamera:
    """Everything one live camera does. Call `wait`, then `step`, until `is_over`.

    Args:
        camera: Whose pictures.
        settings: How they are read.
        bus: Where they go.
        make_reader: Makes a reader of the camera's source that has not begun.
        now_s: Monotonic clock at the beginning.
        unix_s: Wall clock at the beginning.
        backoff: Waits between tries; None: from the settings.
    """

    def __init__(
        self,
        camera: Camera,
        settings: IngestSettings,
        *,
        bus: CameraBus,
        make_reader: Callable[[], Reader],
        now_s: float,
        unix_s: float,
        backoff: Backoff | None = None,
    ) -> None:
        self._camera = camera
        self._settings = settings
        self._bus = bus
        self._connection = Connection(
            camera.name, settings, make_reader=make_reader, backoff=backoff
        )
        self._sanity = SanityCheck()
        self._tally = Tally(camera.name, live_epoch(camera, unix_s))
        self._rates = Rates()
        self._state = CameraState.CONNECTING
        self._reason = ""
        self._stretch_from_unix_s = unix_s
        self._next_tick_s = now_s + TICK_S
        self._unsent: Watch | None = None
        self._is_bus_lost = False
        self._frozen_since_s: float | None = None
        self._last_good_unix_s: float | None = None
        self.is_over = False

    def wait(self, now_s: float) -> float:
        """Return after news of the source, or when a tick or a try is due.

        Returns:
            Seconds that are still to be waited where there is no source to wait for.
        """
        due_s = self._next_tick_s
        if not self._connection.has_reader:
            due_s = min(due_s, max(self._connection.retry_at_s, now_s + 0.05))
            return max(0.0, due_s - now_s)
        self._connection.wait(max(0.0, due_s - now_s))
        return 0.0

    def step(self, now_s: float, unix_s: float) -> None:
        """Do what is due.

        Args:
            now_s: Monotonic clock.
            unix_s: Wall clock.

        Raises:
            ReaderStuckError: The process must be replaced.
        """
        news = self._connection.step(now_s)
        if self._connection.condition(now_s).state is CameraState.LIVE:
            # What comes first after an outage belongs to the stretch that it begins.
            self._follow_state(now_s, unix_s)
        self._tally.captured(news.captured)
        self._follow_state(now_s, unix_s)
        if news.frames and not self._is_bus_lost:
            self._tally.overtaken(news.overtaken)
        for frame in news.frames:
            if not self._is_bus_lost:
                self._handle(frame, now_s, unix_s)
        if self._state is CameraState.ENDED:
            self.finish(now_s, unix_s)
        elif now_s >= self._next_tick_s:
            self._tick(now_s, unix_s)

    def finish(self, now_s: float, unix_s: float) -> None:
        """End the epoch in order: the last tick, and a last status."""
        if self.is_over:
            return
        self._connection.close()
        self.is_over = True
        self._send_unsent()
        if not self._is_bus_lost:
            self._close_stretch(unix_s, is_last=True)
        self._put_status(now_s, unix_s)

    def _handle(self, frame: CapturedFrame, now_s: float, unix_s: float) -> None:
        bgr = frame.to_bgr(max_width=self._settings.max_width)
        reject = self._sanity.judge(frame, bgr, time_s=frame.arrived_at_s)
        self._mind_frozen(reject, now_s)
        if reject is not None:
            self._tally.rejected(reject)
            return
        self._connection.good_picture()
        self._last_good_unix_s = frame.arrived_at_unix_s
        header = FrameHeader(
            camera=self._camera.name,
            epoch=self._tally.epoch,
            sequence=self._tally.next_sequence,
            captured_at_unix_s=frame.arrived_at_unix_s,
            media_time_s=frame.media_time_s,
            width=bgr.shape[1],
            height=bgr.shape[0],
            offered_at_unix_s=unix_s,
            tick=self._tally.next_tick,
        )
        jpeg = encode_jpeg(bgr, quality=self._settings.jpeg_quality)
        try:
            offer = self._bus.offer(header, jpeg)
        except BusError as error:
            # Perhaps it was taken before the line broke: its number is not given again.
            self._tally.offered()
            self._tally.dropped((header.sequence,))
            self._lose_bus(error)
            return
        self._tally.offered()
        self._tally.dropped(offer.dropped_sequences)

    def _mind_frozen(self, reject: Reject | None, now_s: float) -> None:
        if reject is not Reject.FROZEN or self._connection.info.has_exact_times:
            self._frozen_since_s = None
            return
        if self._frozen_since_s is None:
            self._frozen_since_s = now_s
        elif now_s - self._frozen_since_s > FROZEN_RECONNECT_S:
            self._frozen_since_s = None
            self._connection.lose(now_s, SourceReason.FROZEN, "its picture stands still")

    def _follow_state(self, now_s: float, unix_s: float) -> None:
        """A change of state ends the stretch, so that no tick mixes watched and unwatched time."""
        condition = self._connection.condition(now_s)
        if (condition.state, condition.reason) == (self._state, self._reason):
            return
        if not self._is_bus_lost and unix_s - self._stretch_from_unix_s > 0.001:
            self._close_stretch(unix_s)
        self._state, self._reason = condition.state, condition.reason
        self._put_status(now_s, unix_s)
        self._next_tick_s = now_s + TICK_S

    def _tick(self, now_s: float, unix_s: float) -> None:
        self._next_tick_s += TICK_S
        if self._next_tick_s <= now_s:
            self._next_tick_s = now_s + TICK_S
        if self._is_bus_lost:
            # Nothing is analysed meanwhile: a stretch without a Watch was not watched.
            self._tally.forget_stretch()
            self._stretch_from_unix_s = unix_s
            self._send_unsent()
        else:
            self._close_stretch(unix_s)
        self._put_status(now_s, unix_s)

    def _close_stretch(self, unix_s: float, *, is_last: bool = False) -> None:
        # A wall clock that was set back must not turn a stretch round.
        until_unix_s = max(unix_s, self._stretch_from_unix_s)
        self._unsent = self._tally.close(
            self._stretch_from_unix_s,
            until_unix_s,
            state=self._state,
            reason=self._reason,
            is_last=is_last,
        )
        self._stretch_from_unix_s = unix_s
        self._send_unsent()

    def _send_unsent(self) -> None:
        if self._unsent is None:
            return
        try:
            self._bus.publish(self._unsent)
        except BusError as error:
            self._lose_bus(error)
            return
        self._unsent = None

    def _put_status(self, now_s: float, unix_s: float) -> None:
        try:
            self._bus.put_status(self.status(now_s, unix_s))
        except BusError as error:
            self._lose_bus(error)
            return
        if self._is_bus_lost and self._unsent is None:
            self._is_bus_lost = False
            logger.info("camera %s: Redis is back", self._camera.name)

    def _lose_bus(self, error: BusError) -> None:
        if not self._is_bus_lost:
            logger.warning("camera %s: %s; its pictures wait for it", self._camera.name, error)
        self._is_bus_lost = True

    def status(self, now_s: float, unix_s: float) -> CameraStatus:
        """Return what is to be told of the camera now."""
        connection, tally, info = self._connection, self._tally, self._connection.info
        condition = connection.condition(now_s)
        captured_fps, offered_fps = self._rates.add(
            now_s, tally.captured_total, tally.offered_total
        )
        state = CameraState.LIVE if condition.is_gap else condition.state
        is_offline = state is CameraState.OFFLINE
        return CameraStatus(
            camera=self._camera.name,
            state=state,
            updated_at_unix_s=unix_s,
            reason=condition.reason if is_offline else "",
            message=condition.message,
            last_frame_unix_s=self._last_good_unix_s,
            captured_fps=round(captured_fps, 2),
            offered_fps=round(offered_fps, 2),
            captured_total=tally.captured_total,
            offered_total=tally.offered_total,
            dropped_total=tally.dropped_total,
            rejected_total=dict(tally.rejected_total),
            reconnects=connection.losses,
            retry_in_s=max(0.0, connection.retry_at_s - now_s) if is_offline else 0.0,
            width=info.width,
            height=info.height,
            codec=info.codec,
            source_fps=info.fps,
            epoch=tally.epoch,
        )
