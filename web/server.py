"""The server: gunicorn with one worker process, so that one hub serves every viewer."""

import logging
import os
import signal
import socket
import threading
from typing import Any, Final, cast

from flask import Flask
from gunicorn import glogging
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import ThreadWorker

from maskwatch.access import check_access
from maskwatch.config import Settings
from maskwatch.errors import ConfigError
from maskwatch.storage import open_database, wait_for_database
from web import auth
from web.app import create_app

logger = logging.getLogger(__name__)

GRACE_S: Final = 1
"""A request still running so long after the order to stop is cut off."""

_BACKLOG: Final = 256


def run(settings: Settings, stop: threading.Event) -> None:
    """Serve until `stop` is set. Must be called from the main thread: gunicorn minds its children.

    Raises:
        ConfigError: `check_access` refuses the settings, or the address cannot be used.
        StorageError: The database's tables cannot be brought up to date.
    """
    check_access(settings)
    auth.secret_key(settings)  # a key file that cannot be used is told before anything is started
    listener = listen(settings)
    with listener:
        engine = wait_for_database(settings, stop)
        if engine is None:
            return
        engine.dispose()  # connections do not survive the fork
        logger.info("listening at %s", address_of(listener))
        _serve(_Application(settings, listener.detach()), stop)


def listen(settings: Settings) -> socket.socket:
    """Open the port; 0 takes a free one.

    Raises:
        ConfigError: The port is taken or needs more rights, or the host is not this machine's.
    """
    host, port = settings.web.host, settings.web.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigError(
            f"[web] cannot listen at {host}:{port}: {error.strerror or error}; "
            "end the program that uses it, or choose another [web] port"
        ) from error


def address_of(listener: socket.socket) -> str:
    """The URL under which the socket can be reached."""
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def _serve(application: "_Application", stop: threading.Event) -> None:
    arbiter = _Arbiter(application)
    parent_pid = os.getpid()
    threading.Thread(target=_stop_arbiter, args=(stop, arbiter), daemon=True).start()
    try:
        arbiter.run()
    except SystemExit as ending:
        if os.getpid() != parent_pid:
            # The worker process, forked inside `run`, is done: what follows here is its parent's.
            logging.shutdown()
            os._exit(ending.code if isinstance(ending.code, int) else 1)
        if ending.code:
            raise ConfigError("the web server ended by itself; the lines above say why") from ending


def _stop_arbiter(stop: threading.Event, arbiter: Arbiter) -> None:
    stop.wait()
    arbiter.SIG_QUEUE.put_nowait(signal.SIGTERM)


class _Application(BaseApplication):
    """gunicorn's view of us: its settings, and how to make the app in the worker process."""

    def __init__(self, settings: Settings, descriptor: int) -> None:
        self._settings = settings
        self._descriptor = descriptor  # of the listening socket; gunicorn closes it
        super().__init__()

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        values: dict[str, Any] = {
            "bind": [f"fd://{self._descriptor}"],
            "workers": 1,
            "worker_class": _Worker,
            "threads": self._settings.web.threads,
            "graceful_timeout": GRACE_S,
            "keepalive": 5,
            "logger_class": _Logger,
            "loglevel": "warning",
            "proc_name": "maskwatch-web",
            "control_socket_disable": True,
        }
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Make the app; called in the worker process."""
        return create_app(self._settings, engine=open_database(self._settings))


class _Arbiter(Arbiter):
    """Leaves SIGTERM and Ctrl-C to the program's own stop event."""

    def init_signals(self) -> None:
        """Mind the end of the worker process only."""
        signal.signal(signal.SIGCHLD, self.signal_chld)


class _Worker(ThreadWorker):
    """Ends live views when it is told to stop, for they would not end by themselves."""

    def init_signals(self) -> None:
        """Ctrl-C reaches the whole group; the arbiter decides when this process ends."""
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: finish what runs, and let viewers go."""
        super().handle_exit(sig, frame)
        app = cast(Flask, self.app.wsgi())
        # In a thread of its own: the interrupted main thread may hold a lock that is needed.
        threading.Thread(target=app.extensions["maskwatch"].close, daemon=True).start()


class _Logger(glogging.Logger):
    """gunicorn's log, written by the program's own handlers."""

    def setup(self, cfg: Any) -> None:
        """Hand everything to the root logger."""
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
        self.error_log.propagate = True
