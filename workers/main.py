"""The parent of the inference workers: keeps so many processes working, and ends them in order."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Final

from maskwatch.bus import wait_until_ready
from maskwatch.config import Settings
from maskwatch.cores import available_cores
from maskwatch.errors import MaskwatchError
from maskwatch.process import ROLE_VARIABLE
from maskwatch.supervisor.child import restart_pause_s
from maskwatch.supervisor.environment import child_environment
from workers.agreement import EXIT_RECYCLE, EXIT_USELESS
from workers.gpus import gpu_of, visible_gpus

logger = logging.getLogger(__name__)

LOOK_S: Final = 0.1
STOP_S: Final = 2.5
HEALTHY_AFTER_S: Final = 30.0


def run(
    settings: Settings,
    stop: threading.Event,
    *,
    processes: int | None = None,
    device: str | None = None,
) -> None:
    """Run inference workers until `stop` is set; one of several that ends is replaced.

    A single worker runs in this process; whoever started the process starts it again.

    Args:
        settings: The configuration.
        stop: Ends all workers in order, within 3 s.
        processes: Overrides `workers.processes`.
        device: Overrides `workers.device`: "cpu" or "gpu".

    Raises:
        MaskwatchError: The networks cannot be loaded, there is no such device, or Redis refuses the
            log-in.
    """
    changes = {"processes": processes, "device": device}
    chosen = settings.workers.model_copy(
        update={key: value for key, value in changes.items() if value is not None}
    )
    settings = settings.with_changes(workers=chosen)
    threads = chosen.threads or max(1, available_cores() // chosen.processes)
    if chosen.processes == 1:
        # The networks' engine is imported only in a process that works.
        from workers.worker_process import work

        work(settings, stop, threads=threads)
        return
    if not wait_until_ready(settings, stop, on_wait=logger.warning):
        return
    slots = [_Slot(settings, number + 1, threads=threads) for number in range(chosen.processes)]
    try:
        while not stop.is_set():
            for slot in slots:
                slot.step(time.monotonic())
            stop.wait(LOOK_S)
    finally:
        _end_all(slots)


class _Slot:
    """One place for a worker: the process that fills it now, and when the next may start."""

    def __init__(self, settings: Settings, number: int, *, threads: int) -> None:
        self.role = f"work-{number}"
        self._environment = _environment(settings, self.role)
        if settings.workers.device == "gpu":
            self._environment |= gpu_of(number, visible_gpus(os.environ))
        self._threads = threads
        self._process: subprocess.Popen[str] | None = None
        self._started_at = self._start_at = 0.0
        self._failures = 0

    def step(self, now: float) -> None:
        """Start the worker where it is due, notice where it has ended.

        Args:
            now: Monotonic seconds.

        Raises:
            MaskwatchError: The worker said that it can never work.
        """
        if self._process is None:
            if now >= self._start_at:
                self._start(now)
        elif (code := self._process.poll()) is not None:
            self._ended(self._process, code, now)

    def ask_to_end(self) -> None:
        """Tell the worker to end after the batch in hand."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, timeout_s: float) -> None:
        """Wait until the worker has ended; kill it after so many seconds."""
        if self._process is None:
            return
        try:
            self._process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            logger.warning("%s did not end in time: killed", self.role)
            self._process.kill()
            self._process.communicate()
        self._process = None

    def _start(self, now: float) -> None:
        command = [
            sys.executable,
            *("-P", "-m", "workers.worker_process"),
            *("--parent", str(os.getpid())),
            *("--threads", str(self._threads)),
        ]
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            command, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        self._started_at = now
        logger.debug("%s started (pid %d)", self.role, self._process.pid)

    def _ended(self, process: subprocess.Popen[str], code: int, now: float) -> None:
        said, _ = process.communicate()
        if code == EXIT_USELESS:
            raise MaskwatchError(said.strip() or "a worker cannot work and did not say why")
        self._process = None
        if code == EXIT_RECYCLE:
            self._start_at = now
            return
        if now - self._started_at > HEALTHY_AFTER_S:
            self._failures = 0
        self._failures += 1
        pause_s = restart_pause_s(self._failures)
        self._start_at = now + pause_s
        logger.warning(
            "%s ended with code %d: another takes over in %.2g s", self.role, code, pause_s
        )


def _environment(settings: Settings, role: str) -> dict[str, str]:
    base = os.environ.get(ROLE_VARIABLE, "")
    name = f"{base}-{role.removeprefix('work-')}" if base else role
    return dict(child_environment(settings, role=name))


def _end_all(slots: list[_Slot]) -> None:
    for slot in slots:
        slot.ask_to_end()
    deadline = time.monotonic() + STOP_S
    for slot in slots:
        slot.wait(max(0.0, deadline - time.monotonic()))
