"""The process of one camera, as its parent sees it."""

import json
import os
import subprocess
import sys
from typing import Any, Protocol

import msgspec
from pydantic import SecretStr

from maskwatch.config import Settings
from maskwatch.contracts import Camera
from maskwatch.process import ROLE_VARIABLE


class Child(Protocol):
    """A started process that reads one camera."""

    def exit_code(self) -> int | None:
        """Return None while it runs."""

    def stop(self, *, is_abandoned: bool) -> None:
        """Tell it to end in order; with `is_abandoned` what it reads is left for good."""

    def kill(self) -> None:
        """End it at once and wait for that."""


def start_camera_process(camera: Camera, settings: Settings) -> "CameraProcess":
    """Start the process that reads a camera. The password goes to it through a pipe."""
    job = {
        "camera": msgspec.to_builtins(camera),
        "settings": _revealed(settings),
        "log_level": settings.log_level,
    }
    # The settings go by the pipe, whole: what stands in the environment is already in them.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MASKWATCH_") or name == ROLE_VARIABLE
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "ingest.camera_process"],
        stdin=subprocess.PIPE,
        text=True,
        # Ctrl-C reaches the parent alone, which then ends its children in order.
        start_new_session=True,
        env={**environment, "OPENBLAS_NUM_THREADS": "1"},
    )
    child = CameraProcess(process)
    child.send(json.dumps(job))
    return child


class CameraProcess:
    """A `Child` on an OS process. When this process dies, the pipe's end tells the child."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.pid = process.pid

    def send(self, line: str) -> None:
        """Send a line; a process that is gone is noticed by its exit code."""
        try:
            if self._process.stdin is not None:
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            return

    def exit_code(self) -> int | None:
        """See `Child.exit_code`."""
        code = self._process.poll()
        if code is not None:
            self._close_pipe()
        return code

    def stop(self, *, is_abandoned: bool) -> None:
        """See `Child.stop`."""
        if is_abandoned:
            self.send("end")
        self._close_pipe()

    def kill(self) -> None:
        """See `Child.kill`."""
        self._process.kill()
        self._close_pipe()
        self._process.wait()

    def _close_pipe(self) -> None:
        try:
            if self._process.stdin is not None:
                self._process.stdin.close()
        except BrokenPipeError:
            return


def _revealed(settings: Settings) -> dict[str, Any]:
    def reveal(value: Any) -> Any:
        if isinstance(value, SecretStr):
            return value.get_secret_value()
        if isinstance(value, dict):
            return {key: reveal(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [reveal(item) for item in value]
        return value

    revealed = reveal(settings.model_dump())
    # The cameras stand in the database; what the file said of them is not needed again.
    return {**revealed, "data_dir": str(settings.data_dir.absolute()), "cameras": []}
