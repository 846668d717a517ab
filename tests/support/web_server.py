"""The real web process for tests, and cameras whose pictures a thread makes up."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from maskwatch.bus import ResultLog, StatusBoard, Views, connect
from maskwatch.config import Settings, WebSettings
from maskwatch.contracts import (
    Analysis,
    Camera,
    CameraState,
    CameraStatus,
    FrameHeader,
)
from maskwatch.storage import CameraStore, migrate, open_database
from maskwatch.supervisor.environment import child_environment
from tests.support.statuses import a_worker

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 3.0


class WebProcess:
    """`maskwatch web` as an operating-system process.

    Attributes:
        settings: What it was started with; the port is 0.
        address: http://127.0.0.1:PORT, once started.
    """

    def __init__(self, settings: Settings, log: Path) -> None:
        self.settings = settings
        self.address = ""
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it says where it listens."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "maskwatch", "web"],
                env=child_environment(self.settings, role="web"),
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (found := re.search(r"listening at (http://\S+)", self.log())):
            assert self._process.poll() is None, f"the web process ended:\n{self.log()}"
            assert time.monotonic() < deadline, f"the web process does not listen:\n{self.log()}"
            time.sleep(0.05)
        self.address = found[1]

    def restart(self) -> None:
        """Stop it, and start it at the same address."""
        port = int(self.address.rsplit(":", 1)[1])
        self.stop(timeout_s=15.0)
        web = self.settings.web.model_copy(update={"port": port})
        self.settings = self.settings.with_changes(web=web)
        self.start()

    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text()

    @property
    def pid(self) -> int:
        """Of the parent; the one that serves is its child."""
        assert self._process is not None
        return self._process.pid

    def stop(self, *, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Tell it to stop and return its exit code.

        Raises:
            subprocess.TimeoutExpired: It has not ended in time; it is killed.
        """
        assert self._process is not None
        self._process.terminate()
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise


class Feeder:
    """Plays ingest and workers: pictures that change, and a status, for each camera.

    Each picture holds its sequence number in its brightness, so that no two in a row are equal.
    """

    def __init__(self, settings: Settings, names: list[str], *, fps: float = 5.0) -> None:
        self._names = names
        self._period_s = 1 / fps
        self._client = connect(settings)
        self._views = Views(self._client)
        self._board = StatusBoard(self._client)
        self._results = ResultLog(self._client)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.offline: set[str] = set()
        self.silent: set[str] = set()
        self.sequence = 0

    def __enter__(self) -> "Feeder":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._step(time.time())
            self.sequence += 1
            self._stop.wait(self._period_s)

    def _step(self, now: float) -> None:
        watched = self._views.watched(self._names)
        self._board.put_worker(a_worker(now))
        for number, name in enumerate(self._names):
            is_offline = name in self.offline
            self._board.put_camera(_status(name, now, is_offline=is_offline))
            if is_offline or name in self.silent:
                continue
            self._results.publish(_analysis(name, self.sequence, now))
            if name in watched:
                meta = {
                    "captured_at_unix_s": now,
                    "analysed_at_unix_s": now,
                    "width": 320,
                    "height": 180,
                    "faces": [],
                    "sequence": self.sequence,
                }
                jpeg = made_up_jpeg(self.sequence, number)
                self._views.publish(name, jpeg, meta, offered_at_unix_s=now)


def made_up_jpeg(sequence: int, number: int) -> bytes:
    """A picture of 320 x 180 that differs from its neighbours in time and on the wall."""
    picture = np.full((180, 320, 3), 40 + (sequence * 23 + number * 7) % 180, np.uint8)
    cv2.circle(picture, (20 + (sequence * 17) % 280, 90), 24, (200, 210, 230), -1)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def _status(name: str, now: float, *, is_offline: bool) -> CameraStatus:
    if is_offline:
        return CameraStatus(
            camera=name,
            state=CameraState.OFFLINE,
            reason="timeout",
            message="The camera did not answer within 10 s.",
            updated_at_unix_s=now,
            last_frame_unix_s=now - 600,
            retry_in_s=12,
        )
    return CameraStatus(
        camera=name,
        state=CameraState.LIVE,
        updated_at_unix_s=now,
        last_frame_unix_s=now,
        captured_fps=25.0,
        offered_fps=5.0,
        width=1280,
        height=720,
        codec="h264",
        source_fps=25.0,
    )


def _analysis(name: str, sequence: int, now: float) -> Analysis:
    header = FrameHeader(
        camera=name,
        epoch="e",
        sequence=sequence,
        captured_at_unix_s=now,
        media_time_s=0.0,
        width=320,
        height=180,
    )
    return Analysis(
        header=header, faces=(), timings_ms={}, analysed_at_unix_s=now, worker="made-up"
    )


StartWeb = Callable[..., WebProcess]


@pytest.fixture
def start_web(redis_settings: Settings, tmp_path: Path) -> Iterator[StartWeb]:
    """Starts the web process with an empty database; ends it with the test."""
    started: list[WebProcess] = []

    def start(*, cameras: list[str] | None = None, **web: Any) -> WebProcess:
        settings = redis_settings.with_changes(data_dir=tmp_path, web=WebSettings(port=0, **web))
        engine = open_database(settings)
        migrate(engine)
        for number, name in enumerate(cameras or [], start=1):
            CameraStore(engine).add(Camera(name=name, url=f"rtsp://192.0.2.{number}/stream"))
        engine.dispose()
        process = WebProcess(settings, tmp_path / f"web-{len(started)}.log")
        started.append(process)
        process.start()
        return process

    yield start
    for process in started:
        process.stop(timeout_s=15.0)
