"""A database, a Redis and the ingest role on them, for tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import redis

from ingest import main
from maskwatch.bus import FrameQueue, ResultLog, StatusBoard, connect
from maskwatch.config import IngestSettings, Settings
from maskwatch.contracts import CameraState, CameraStatus, FrameHeader, Watch
from maskwatch.storage import CameraStore, migrate, open_database
from tests.support.waiting import wait_for

QUICK = IngestSettings(
    open_timeout_s=2.0, frame_timeout_s=2.0, backoff_min_s=0.2, backoff_max_s=0.5
)


class IngestSite:
    """What a test needs of one site: its cameras, its queue, its words."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings.with_changes(ingest=QUICK)
        self.engine = open_database(self.settings)
        migrate(self.engine)
        self.store = CameraStore(self.engine)
        self.client: redis.Redis = connect(self.settings)
        self.queue = FrameQueue(self.client)
        self.board = StatusBoard(self.client)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run ingest; at the end it has to leave nothing behind within 3 s."""
        stop = threading.Event()
        thread = threading.Thread(target=main.run, args=(self.settings, stop))
        thread.start()
        try:
            yield
        finally:
            processes = self.processes()
            stop.set()
            thread.join(timeout=4.0)
            assert not thread.is_alive()
            assert [p for p in processes if p.is_running() and p.status() != "zombie"] == []

    def processes(self) -> list[psutil.Process]:
        """The cameras' processes."""
        children = psutil.Process().children(recursive=True)
        return [child for child in children if "ingest.camera_process" in _command(child)]

    def status(self, name: str) -> CameraStatus | None:
        return self.board.cameras([name])[name]

    def is_in(self, name: str, state: CameraState) -> bool:
        status = self.status(name)
        return status is not None and status.state is state

    def wait_for_state(self, name: str, state: CameraState) -> None:
        wait_for(lambda: self.is_in(name, state), what=f"{name} to be {state}")

    def take(self, *names: str) -> list[FrameHeader]:
        frames = self.queue.take("test", names, count=8)
        self.queue.acknowledge(frames)
        return [frame.header for frame in frames]

    def take_until(self, name: str, count: int) -> list[FrameHeader]:
        headers: list[FrameHeader] = []

        def is_enough() -> bool:
            headers.extend(self.take(name))
            return len(headers) >= count

        wait_for(is_enough, what=f"{count} pictures of {name}")
        return headers

    def watches(self, name: str) -> list[Watch]:
        entries = ResultLog(self.client).read({name: "0-0"}, count=10_000)
        return [entry.message for entry in entries if isinstance(entry.message, Watch)]


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
