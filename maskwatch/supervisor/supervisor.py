"""The supervisor: starts the table of processes, keeps them running, ends them in order."""

import logging
import threading
import time
from collections.abc import Callable, Collection
from itertools import groupby
from typing import Final

from maskwatch.config import Settings
from maskwatch.errors import MaskwatchError
from maskwatch.storage.cameras import CameraStore
from maskwatch.storage.database import open_database
from maskwatch.storage.migrate import migrate
from maskwatch.supervisor import readiness
from maskwatch.supervisor.child import Child
from maskwatch.supervisor.environment import child_environment
from maskwatch.supervisor.lock import DataDirLock
from maskwatch.supervisor.log import SharedLog
from maskwatch.supervisor.table import REDIS, ROLES, WEB, WORK, ProcessSpec, check_roles, processes

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 0.1
REDIS_STARTS_S: Final = 15.0
STAGE_S: Final = (1.5, 2.5, 0.5)
"""Seconds each stage gets to end in order before it is killed; 4.5 in all."""


class Supervisor:
    """Runs a maskwatch on this machine. Use `start`, then `stop`; a context manager does both.

    Args:
        settings: Handed to every process as they are. A `web.port` of 0 becomes a free port;
            `self.settings` has it.
        roles: Only these (see `table.ROLES`); None for all.
        echo: Show the log on stderr too; it always goes to `{data_dir}/logs/maskwatch.log`.
    """

    def __init__(
        self,
        settings: Settings,
        roles: Collection[str] | None = None,
        *,
        echo: bool = False,
    ) -> None:
        self._roles = frozenset(ROLES if roles is None else roles)
        check_roles(self._roles)
        if settings.web.port == 0 and WEB in self._roles:
            port = readiness.free_port(settings.web.host)
            web = settings.web.model_copy(update={"port": port})
            settings = settings.with_changes(web=web)
        self.settings = settings
        self._echo = echo
        self._lock = DataDirLock(settings.data_dir)
        self._children: dict[str, Child] = {}
        self._released: set[str] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._log: SharedLog | None = None
        self._failure: Exception | None = None

    def __enter__(self) -> "Supervisor":
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """Address of the pages."""
        return readiness.page_address(self.settings)

    def start(self) -> None:
        """Start every process; returns when Redis and the database are there, not the rest.

        Raises:
            ConfigError: Another supervisor runs on this `data_dir`, or the port is taken.
            StorageError: The database cannot be used.
            MaskwatchError: The embedded Redis does not come up.
        """
        self._lock.acquire()
        try:
            self._log = SharedLog(
                self.settings.data_dir / "logs" / "maskwatch.log", echo=self._echo
            )
            self._log.attach(self.settings.log_level)
            if WEB in self._roles:
                readiness.check_port_is_free(self.settings)
            specs = processes(self.settings, self._roles)
            self._children = {spec.name: self._child(spec) for spec in specs}
            self._stop.clear()
            self._failure = None
            # Not a daemon: it must see the children's end before the interpreter goes.
            self._thread = threading.Thread(target=self._keep_running, name="supervisor")
            self._thread.start()
            self._start_redis()
            self._prepare_database()
            self._released = set(self._children)
        except BaseException:
            self.stop()
            raise

    def wait_ready(self, timeout_s: float = 60.0, *, stop: threading.Event | None = None) -> bool:
        """Wait until the pages answer and every inference process has warmed up.

        Args:
            timeout_s: How long to wait at most.
            stop: Ends the waiting early.

        Returns:
            Whether all of it came about.

        Raises:
            MaskwatchError: The supervisor itself has failed; every process has been ended.
        """
        patience = stop or threading.Event()
        conditions: list[Callable[[], bool]] = []
        if WEB in self._roles:
            conditions.append(lambda: readiness.page_answers(self.settings))
        if WORK in self._roles:
            wanted = self.settings.workers.processes
            conditions.append(lambda: readiness.workers_ready(self.settings) >= wanted)
        deadline = time.monotonic() + timeout_s
        while conditions and time.monotonic() < deadline and not self._stop.is_set():
            if conditions[0]():
                conditions.pop(0)
            elif patience.wait(0.2):
                return False
        self._check()
        return not conditions

    def wait(self, stop: threading.Event) -> None:
        """Return when `stop` is set.

        Raises:
            MaskwatchError: The supervisor itself has failed; every process has been ended.
        """
        while not stop.wait(LOOK_EVERY_S):
            self._check()

    def pids(self) -> dict[str, int]:
        """The processes that run at this moment: name to process id."""
        running = {name: child.pid for name, child in self._children.items()}
        return {name: pid for name, pid in running.items() if pid is not None}

    def restarts(self) -> dict[str, int]:
        """How often each process had to be started again."""
        return {name: child.restarts for name, child in self._children.items()}

    def stop(self) -> None:
        """End every process within five seconds; harmless where nothing runs."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._log is not None:
            self._log.close()
            self._log = None
        self._lock.release()

    def _child(self, spec: ProcessSpec) -> Child:
        assert self._log is not None  # noqa: S101  # made before the children
        return Child(
            spec,
            child_environment(spec.settings, role=spec.name),
            on_line=self._log.child_line,
            inherited_descriptor=self._lock.descriptor,
        )

    def _start_redis(self) -> None:
        if REDIS not in self._children:
            return
        self._released = {REDIS}
        deadline = time.monotonic() + REDIS_STARTS_S
        while not readiness.redis_answers(self.settings):
            self._check()
            if time.monotonic() > deadline:
                raise MaskwatchError(
                    "the embedded Redis server does not start; the reason is in "
                    f"{str(self.settings.data_dir / 'logs' / 'maskwatch.log')!r}"
                )
            self._stop.wait(0.05)

    def _prepare_database(self) -> None:
        engine = open_database(self.settings)
        try:
            migrate(engine)
            CameraStore(engine).seed(self.settings)
        finally:
            engine.dispose()

    def _keep_running(self) -> None:
        """The thread that starts every child and lives until the last one has ended."""
        try:
            while not self._stop.is_set():
                self.step(time.monotonic())
                self._stop.wait(LOOK_EVERY_S)
        except Exception as error:  # the border of the thread: nobody else would see it
            logger.exception("the supervisor has failed; ending every process")
            self._failure = error
            self._stop.set()
        self._end_all()

    def _check(self) -> None:
        if self._failure is not None:
            raise MaskwatchError(
                f"the supervisor has failed ({self._failure!r}) and has ended every process; "
                f"{str(self.settings.data_dir / 'logs' / 'maskwatch.log')!r} says where; "
                "start maskwatch again"
            ) from self._failure

    def step(self, now: float) -> None:
        """Start what is due and notice what has ended."""
        for name, child in self._children.items():
            if name in self._released:
                child.step(now)

    def _end_all(self) -> None:
        ordered = sorted(self._children.values(), key=lambda child: child.spec.stop_stage)
        for stage, group in groupby(ordered, key=lambda child: child.spec.stop_stage):
            _end(list(group), within_s=STAGE_S[stage])
        logger.info("everything has ended")


def _end(children: list[Child], *, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    for child in children:
        child.ask_to_end()
    while time.monotonic() < deadline and not all(child.has_ended() for child in children):
        time.sleep(0.02)
    for child in children:
        if not child.has_ended():
            child.kill()
