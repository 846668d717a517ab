"""The process of one camera: `python -m ingest.camera_process`, started by `ingest.main`.

Its first line of input is the job as JSON, by a pipe, so that no password is seen among the
processes. A line "end" then means that the camera is removed or reads something else; the end of
the input alone, that ingest stops, has died or starts the process again. It outlives neither.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Final, TextIO

import msgspec

from ingest.camera_bus import RedisBus
from ingest.connection import ReaderStuckError
from ingest.exits import ENDED_EXIT, STOPPED_EXIT, STUCK_EXIT
from ingest.live_camera import LiveCamera
from ingest.reader import LiveReader
from ingest.source import Source
from ingest.sources import open_source
from maskwatch.bus import connect
from maskwatch.config import Settings
from maskwatch.contracts import Camera
from maskwatch.errors import MaskwatchError
from maskwatch.process import setup_logging

logger = logging.getLogger(__name__)

STOP_WITHIN_S: Final = 2.0
STUCK_AFTER_S: Final = 60.0
"""The loop turns several times a second; once it stands still so long, only a new process helps."""

REPLAY_QUEUE_FRAMES: Final = 16
"""A replay is as fast as its workers: enough waits for two of their batches."""


class Job(msgspec.Struct, frozen=True):
    """What the process is to do.

    Attributes:
        camera: Whose pictures.
        settings: The whole configuration, secrets included.
        log_level: As in the configuration.
    """

    camera: Camera
    settings: dict[str, object]
    log_level: str


class Orders:
    """What the parent says, heard by a thread.

    Attributes:
        stop: End in order, now.
        is_abandoned: The camera is removed or reads something else: its epoch is over for good.
    """

    def __init__(self, lines: TextIO, *, give_up: Callable[[int], None] = os._exit) -> None:
        self.stop = threading.Event()
        self.is_abandoned = False
        self._lines = lines
        self._give_up = give_up
        self._turned_at_s = time.monotonic()

    def listen(self) -> None:
        """Begin to listen, and to watch whether the loop still turns."""
        threading.Thread(target=self._listen, name="orders", daemon=True).start()
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def turned(self) -> None:
        """The loop has turned once more."""
        self._turned_at_s = time.monotonic()

    def _listen(self) -> None:
        for line in self._lines:
            if line.strip() == "end":
                self.is_abandoned = True
                break
        self.stop.set()

    def _watch(self) -> None:
        while not self.stop.wait(STUCK_AFTER_S / 10):
            if time.monotonic() - self._turned_at_s > STUCK_AFTER_S:
                logger.error("the loop stands still for %.0f s: exiting", STUCK_AFTER_S)
                self._give_up(STUCK_EXIT)
        time.sleep(STOP_WITHIN_S)
        # Where the loop hangs in a read or a send, the parent must not wait for it.
        self._give_up(STOPPED_EXIT)


def main(lines: TextIO | None = None) -> int:
    """Do the job that stands on the first line of the input; return the exit code."""
    lines = lines or sys.stdin
    job = msgspec.json.decode(lines.readline(), type=Job)
    camera = job.camera
    setup_logging("ingest", job.log_level)
    settings = Settings.model_validate(job.settings)
    orders = Orders(lines)
    orders.listen()
    try:
        if camera.is_replay:
            return _replay(camera, settings, orders)
        return _live(camera, settings, orders)
    except ReaderStuckError as error:
        logger.error("%s: exiting", error)
        return STUCK_EXIT
    except MaskwatchError as error:
        logger.error("camera %s: %s", camera.name, error)
        return 1


def _live(camera: Camera, settings: Settings, orders: Orders) -> int:
    def open_camera(cancelled: threading.Event) -> Source:
        return open_source(camera, settings.ingest, stop=cancelled)

    loop = LiveCamera(
        camera,
        settings.ingest,
        bus=RedisBus(connect(settings), limit=settings.ingest.queue_frames),
        make_reader=lambda: LiveReader(
            open_camera, fps=camera.fps, slots=settings.ingest.queue_frames
        ),
        now_s=time.monotonic(),
        unix_s=time.time(),
    )
    while not orders.stop.is_set() and not loop.is_over:
        orders.stop.wait(loop.wait(time.monotonic()))
        loop.step(time.monotonic(), time.time())
        orders.turned()
    loop.finish(time.monotonic(), time.time())
    return STOPPED_EXIT if orders.stop.is_set() else ENDED_EXIT


def _replay(camera: Camera, settings: Settings, orders: Orders) -> int:
    # Here, so that a live camera's process does without the database.
    from ingest.replay_camera import ReplayCamera
    from maskwatch.storage import open_database
    from maskwatch.storage.recordings import replay_progress

    engine = open_database(settings)
    queue_frames = max(settings.ingest.queue_frames, REPLAY_QUEUE_FRAMES)
    loop = ReplayCamera(
        camera,
        settings.ingest,
        bus=RedisBus(connect(settings), limit=queue_frames),
        open_source=lambda: open_source(camera, settings.ingest),
        progress=lambda recording: replay_progress(engine, camera.name, recording),
    )
    while not orders.stop.is_set() and not loop.is_over:
        wait_s = loop.step(time.monotonic(), time.time())
        orders.turned()
        if wait_s:
            orders.stop.wait(wait_s)
    if orders.is_abandoned:
        loop.abandon(time.time())
    loop.close()
    engine.dispose()
    return STOPPED_EXIT if orders.stop.is_set() else ENDED_EXIT


if __name__ == "__main__":
    code = main()
    # A reading thread may be inside FFmpeg; taking the interpreter apart around it could crash.
    logging.shutdown()
    os._exit(code)
