"""The recorder's process: reads the log of results of all cameras and commits what is counted."""

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from typing import Final

import redis
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from maskwatch.bus import Entry, ResultLog, StatusBoard, connect, server_id
from maskwatch.bus.recorder_status import RecorderBoard, RecorderStatus
from maskwatch.config import Settings
from maskwatch.errors import BusFullError, BusGoneError, StorageError
from maskwatch.storage import CameraStore, writing
from maskwatch.storage.cameras import camera_lives
from maskwatch.storage.counting import add_minutes, add_passages
from maskwatch.storage.recorder_state import load_state, save_state, unfinished_cameras
from maskwatch.storage.recordings import save_recordings
from workers.counted import Counted
from workers.order import live_hold_s
from workers.ready import whenever_ready
from workers.recorder import CameraRecorder

logger = logging.getLogger(__name__)

ENTRIES_A_READ: Final = 500
PACE_S: Final = 0.2
"""At most so often a transaction: short enough for a live page, long enough for a busy site."""

_BLOCK_MS: Final = 200
_LOOK_AROUND_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 10.0


def run(settings: Settings, stop: threading.Event) -> None:
    """Record until `stop` is set. Waits for Redis and the database while they are away."""
    told, pause_s = "", 0.5
    with closing(whenever_ready(settings, stop, connect=connect)) as turns:
        for engine, client in turns:
            try:
                recorder = Recorder(settings, engine, client)
                while not stop.is_set():
                    # Also on the way back from a failure: the step that commits ends the waiting.
                    if recorder.step(time.monotonic()) and told:
                        logger.info("the database takes rows again")
                        told, pause_s = "", 0.5
                    stop.wait(PACE_S)
            except BusGoneError as error:
                logger.warning("%s", error)
            except StorageError as error:
                # Nothing was committed, so nothing is lost: read again from the last position.
                if str(error) != told:
                    told = str(error)
                    logger.warning("%s; counting waits", error)
                stop.wait(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


class Recorder:
    """All cameras of the site. Made anew, it goes on from the committed positions."""

    def __init__(self, settings: Settings, engine: Engine, client: redis.Redis) -> None:
        self._settings = settings
        self._engine = engine
        self._client = client
        self._log = ResultLog(client)
        self._status_board = StatusBoard(client)
        self._board = RecorderBoard(client)
        self._server_id = server_id(client)
        self._cameras: dict[str, CameraRecorder] = {}
        self._hold_s: dict[str, float] = {}
        self._caught_up_s: dict[str, float] = {}
        self._analysed: Counter[str] = Counter()
        self._looked_s: float | None = None
        self._is_full = False

    def step(self, now_s: float, *, block_ms: int = _BLOCK_MS) -> int:
        """Read what is there, count it and commit it; gives the number of cameras committed.

        Args:
            now_s: Monotonic seconds.
            block_ms: Wait so long for a first entry.

        Raises:
            BusError: Redis fails; what was committed stands.
            StorageError: Nothing of this step is committed; make a new `Recorder`.
        """
        if self._looked_s is None or now_s - self._looked_s >= _LOOK_AROUND_S:
            self._look_around()
            self._looked_s = now_s
        entries = self._read(block_ms)
        for entry in entries:
            self._cameras[entry.camera].put(entry, arrived_s=now_s)
        read = Counter(entry.camera for entry in entries)
        counted = []
        for name, camera in self._cameras.items():
            if read[name] < ENTRIES_A_READ:
                self._caught_up_s[name] = now_s
            # Time stands still while more waits to be read: too early to give anything up.
            step = camera.take(self._caught_up_s.get(name, -math.inf))
            if step is not None:
                counted.append(step)
        if counted:
            commit(self._engine, counted)
            self._say(counted)
        return len(counted)

    def _read(self, block_ms: int) -> list[Entry]:
        if not self._cameras:
            return []
        positions = {name: camera.read_position for name, camera in self._cameras.items()}
        return self._log.read(positions, count=ENTRIES_A_READ, block_ms=block_ms)

    def _look_around(self) -> None:
        """Take up cameras that are new, leave those that are gone, notice another Redis."""
        current_id = server_id(self._client)
        if current_id != self._server_id:
            logger.warning("Redis has restarted; going on from what is committed")
            self._server_id = current_id
            self._cameras.clear()
        listed = {camera.name: camera.fps for camera in CameraStore(self._engine).list()}
        present = {*listed, *self._status_board.active_cameras()}
        wanted = present.union(unfinished_cameras(self._engine))
        for name, fps in listed.items():
            if name in self._cameras and self._hold_for(fps) != self._hold_s[name]:
                # Its rate was changed; made anew it goes on from what is committed.
                del self._cameras[name]
        for name in sorted(wanted - self._cameras.keys()):
            self._hold_s[name] = self._hold_for(listed.get(name, self._settings.ingest.fps))
            self._cameras[name] = CameraRecorder(
                name,
                self._settings.recorder.model_copy(update={"hold_s": self._hold_s[name]}),
                server_id=self._server_id,
                stored=load_state(self._engine, name),
            )
            logger.info(
                "camera %s: recording; late results are waited for up to %.1f s",
                name, self._hold_s[name],
            )  # fmt: skip
        if absent := self._cameras.keys() - present:
            for life in camera_lives(self._engine):
                if life.name in absent and life.removed_at is not None:
                    # Removed while it was off, or its process died: nobody ends its epoch.
                    self._cameras[life.name].leave()
        for name in sorted(self._cameras.keys() - wanted):
            if self._cameras[name].is_finished:
                del self._cameras[name]
                logger.info("camera %s: no longer recorded", name)

    def _hold_for(self, fps: float) -> float:
        return live_hold_s(
            self._settings.recorder.hold_s,
            queue_frames=self._settings.ingest.queue_frames,
            fps=fps,
        )

    def _say(self, counted: Sequence[Counted]) -> None:
        """Tell how far it is. A Redis without room does not stop the counting: it is committed."""
        try:
            self._publish(counted)
        except BusFullError as error:
            if not self._is_full:
                logger.warning("%s; counting goes on, but how far it is cannot be told", error)
            self._is_full = True
        else:
            self._is_full = False

    def _publish(self, counted: Sequence[Counted]) -> None:
        now = time.time()
        for step in counted:
            self._analysed[step.camera] += sum(facts.analysed for facts in step.minutes.values())
        self._board.put(
            _status(
                self._cameras[step.camera],
                step,
                now_unix_s=now,
                analysed_total=self._analysed[step.camera],
            )
            for step in counted
        )


def commit(engine: Engine, counted: Sequence[Counted]) -> None:
    """Write everything of a step in one transaction, or nothing.

    Raises:
        StorageError: Nothing was written.
    """
    try:
        with writing(engine) as session:
            for step in counted:
                save_state(session, step.camera, step.stored)
                add_passages(session, step.passages)
                add_minutes(session, step.camera, step.minutes)
                save_recordings(session, step.camera, step.recordings)
    except IntegrityError as error:
        names = ", ".join(step.camera for step in counted)
        raise StorageError(
            f"another recorder counts the same cameras ({names}); run `maskwatch record` once"
        ) from error


def _status(
    camera: CameraRecorder, counted: Counted, *, now_unix_s: float, analysed_total: int
) -> RecorderStatus:
    where = counted.stored.position
    ages = sorted(camera.ages_ms)
    return RecorderStatus(
        camera=counted.camera,
        epoch=where.epoch,
        last_sequence=where.last_sequence,
        last_tick=where.last_tick,
        results_stream_id=where.results_stream_id,
        is_finished=where.is_finished,
        committed_at_unix_s=now_unix_s,
        open_tracks=camera.open_tracks,
        frame_age_p50_ms=ages[len(ages) // 2] if ages else None,
        frame_age_p95_ms=ages[int(0.95 * (len(ages) - 1))] if ages else None,
        analysed_total=analysed_total,
    )
