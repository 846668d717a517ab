"""The role "ingest": follows the cameras of the database, one process each, until told to stop."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from ingest.child import start_camera_process
from ingest.fleet import Fleet
from maskwatch.bus import StatusBoard, connect, delete_camera
from maskwatch.config import Settings
from maskwatch.contracts import Camera
from maskwatch.errors import BusError, StorageError
from maskwatch.storage import CameraStore, wait_for_database

logger = logging.getLogger(__name__)

FOLLOW_S: Final = 1.0
TURN_S: Final = 0.2
STOP_S: Final = 2.5


def run(settings: Settings, stop: threading.Event) -> None:
    """Read every enabled camera until `stop` is set; then end all processes within 3 s."""
    engine = wait_for_database(settings, stop)
    if engine is None:
        return
    store = CameraStore(engine)
    store.seed(settings)
    fleet = Fleet(lambda camera: start_camera_process(camera, settings))
    keeper = Keeper(settings, fleet, list_cameras=store.list)
    try:
        while not stop.is_set():
            keeper.step(time.monotonic(), time.time())
            stop.wait(TURN_S)
    finally:
        _end(fleet)
        keeper.close()
        engine.dispose()


def _end(fleet: Fleet) -> None:
    fleet.stop_all()
    deadline_s = time.monotonic() + STOP_S
    while fleet.has_running() and time.monotonic() < deadline_s:
        time.sleep(0.02)
    fleet.kill_all()


class Keeper:
    """Brings database, fleet and status board together, one `step` at a time."""

    def __init__(
        self, settings: Settings, fleet: Fleet, *, list_cameras: Callable[[], list[Camera]]
    ) -> None:
        self._list_cameras = list_cameras
        self._fleet = fleet
        self._client = connect(settings)
        self._board = StatusBoard(self._client)
        self._next_follow_s = 0.0
        self._next_told_s = 0.0
        self._trouble = ""
        self._bus_trouble = ""

    def step(self, now_s: float, unix_s: float) -> None:
        """Do what is due. Trouble with the database or Redis is said once, and waited out."""
        if now_s >= self._next_follow_s:
            self._next_follow_s = now_s + FOLLOW_S
            cameras = self._cameras()
            if cameras is not None:
                self._fleet.follow(cameras, now_s)
        self._fleet.step(now_s)
        if now_s >= self._next_told_s:
            self._next_told_s = now_s + FOLLOW_S
            self._tell(now_s, unix_s)

    def close(self) -> None:
        """Close the connection to Redis."""
        self._client.close()

    def _cameras(self) -> list[Camera] | None:
        try:
            cameras = self._list_cameras()
        except StorageError as error:
            if not self._trouble:
                logger.warning("%s; the cameras go on as they are", error)
            self._trouble = str(error)
            return None
        if self._trouble:
            logger.info("the database is back")
            self._trouble = ""
        return cameras

    def _tell(self, now_s: float, unix_s: float) -> None:
        try:
            active = self._fleet.active
            for name in active:
                self._board.set_active(name)
            for status in self._fleet.statuses(self._board.cameras(active), now_s, unix_s):
                self._board.put_camera(status)
            for name, is_removed in self._fleet.take_left(now_s).items():
                if is_removed:
                    delete_camera(self._client, name)
                else:
                    self._board.clear_active(name)
        except BusError as error:
            if not self._bus_trouble:
                logger.warning("%s; waiting for it", error)
            self._bus_trouble = str(error)
        else:
            if self._bus_trouble:
                logger.info("Redis is back")
            self._bus_trouble = ""
