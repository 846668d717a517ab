"""Camera addresses: the log-in is taken out of the address once, at the door.

People paste `rtsp://user:p@ss#1@host/path`. Everything behind the door holds the three parts
separately, so that a password is never shown with the address.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from maskwatch.errors import CameraError

SCHEMES = ("rtsp", "rtsps", "http", "https", "file", "webcam")
"""Kinds of address that a camera may have; a bare path is a file."""

_HOST = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+)(:\d+)?")


@dataclass(frozen=True, slots=True)
class Address:
    """An address without its log-in, and the log-in.

    Attributes:
        url: As given, without `user:password@`.
        username: Decoded; "" for none.
        password: Decoded; "" for none.
    """

    url: str
    username: str = ""
    password: str = field(default="", repr=False)


def split_credentials(url: str) -> Address:
    """Take `user:password@` out of an address.

    A password pasted as it is, with `@ # : / ? !` in it, is understood too: the log-in ends at the
    last '@' before the host. Percent escapes are decoded where they are valid.
    """
    scheme, mark, rest = url.partition("://")
    if not mark or scheme.lower() == "file" or "@" not in rest:
        return Address(url)
    login, host_and_path = _cut_login(rest)
    if login is None:
        return Address(url)
    username, _, password = login.partition(":")
    return Address(f"{scheme}://{host_and_path}", unquote(username), unquote(password))


def _cut_login(rest: str) -> tuple[str | None, str]:
    """Split "login@host/path" at the '@' that ends the log-in; None where there is no log-in.

    An '@' may also stand in the path (`/live@main`), and a '/' in the password. The standard's
    reading, a log-in that ends before the first '/' or '?', is taken where it leaves a possible
    host; else the first '@' that a host follows, unless the address begins with a host itself.
    """
    authority = re.split("[/?]", rest, maxsplit=1)[0]
    login, mark, host = authority.rpartition("@")
    if mark and _HOST.fullmatch(host):
        return login, rest[len(login) + 1 :]
    if _HOST.fullmatch(authority):
        return None, rest
    for found in re.finditer("@", rest):
        tail = rest[found.end() :]
        if _HOST.fullmatch(re.split("[/?]", tail, maxsplit=1)[0]):
            return rest[: found.start()], tail
    return None, rest


def check_address(url: str) -> str:
    """Give the address back where a camera could have it.

    Raises:
        CameraError: It is empty or of an unknown kind. The message never shows a log-in.
    """
    shown = split_credentials(url).url
    if not url.strip():
        raise CameraError("the camera's address is empty; give rtsp://…, http://… or a file")
    scheme, mark, rest = shown.partition("://")
    if shown.startswith("webcam:"):
        if not shown.removeprefix("webcam:").isdigit():
            raise CameraError(f"address {shown!r}: a webcam is webcam:0, webcam:1, …")
        return url
    if not mark:
        return url
    if scheme.lower() not in SCHEMES or scheme.lower() == "webcam":
        raise CameraError(
            f"address {shown!r} has the unknown scheme {scheme!r}; use rtsp://, rtsps://, http://, "
            "https://, file://, a file's path or webcam:0"
        )
    if not rest.strip("/"):
        raise CameraError(f"address {shown!r} names no host or file")
    return url
