"""Finding out whether the system answers."""

import http.client
import socket
import time
from typing import Final

from maskwatch.bus.connection import bus_errors, connect
from maskwatch.bus.status import StatusBoard
from maskwatch.config import Settings
from maskwatch.errors import BusError, ConfigError

PORT_FREE_WAIT_S: Final = 3.0
_ANY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # where to ask, not to listen


def page_address(settings: Settings) -> str:
    """Where a person on this machine finds the pages."""
    host = _ANY_ADDRESS.get(settings.web.host, settings.web.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.web.port}"


def page_answers(settings: Settings, *, timeout_s: float = 1.0) -> bool:
    """Whether the web server answers /healthz."""
    host = _ANY_ADDRESS.get(settings.web.host, settings.web.host)
    connection = http.client.HTTPConnection(host, settings.web.port, timeout=timeout_s)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def redis_answers(settings: Settings) -> bool:
    """Whether Redis answers a ping."""
    client = connect(settings)
    try:
        with bus_errors(client):
            client.ping()
    except BusError:
        return False
    finally:
        client.close()
    return True


def workers_ready(settings: Settings) -> int:
    """How many inference processes have loaded their networks and report."""
    client = connect(settings)
    try:
        return len(StatusBoard(client).workers())
    except BusError:
        return 0
    finally:
        client.close()


def check_port_is_free(settings: Settings, *, wait_s: float = PORT_FREE_WAIT_S) -> None:
    """Refuse a port that another program holds.

    Args:
        settings: Say which host and port.
        wait_s: For how long to try again; a web server that is just ending holds it a little.

    Raises:
        ConfigError: It is taken, or this machine has no such address.
    """
    deadline = time.monotonic() + wait_s
    while (error := _try_port(settings.web.host, settings.web.port)) is not None:
        if time.monotonic() > deadline:
            raise ConfigError(
                f"web.port = {settings.web.port} on {settings.web.host} cannot be used "
                f"({error.strerror}): stop the program that holds it, or set another web.port"
            ) from error
        time.sleep(0.2)


def free_port(host: str) -> int:
    """A port that nobody uses at this moment."""
    with socket.create_server((host, 0), family=_family(host)) as server:
        return int(server.getsockname()[1])


def _try_port(host: str, port: int) -> OSError | None:
    try:
        with socket.create_server((host, port), family=_family(host)):
            return None
    except OSError as error:
        return error


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
