"""Camera addresses: the log-in is taken out of the address once, at the door.

People paste `rtsp://user:p@ss#1@host/path`. Everything behind the door holds the three parts
separately, so that a password is never shown with the address.

Many cheap cameras want the log-in as a part of the path or query (`?user=admin&password=hunter2`).
There it must stay, and is masked wherever an address is shown.
"""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from maskwatch.errors import CameraError

SCHEMES = ("rtsp", "rtsps", "http", "https", "file", "webcam")
"""Kinds of address that a camera may have; a bare path is a file."""

MASK: Final = "***"
"""Stands for what is not shown."""

_HOST = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+)(?::(\d+))?")
_NUMERIC_HOST = re.compile(r"\[.*\]|\d+(?:\.\d+){3}")
_HIGHEST_PORT: Final = 65535

_KEY = (
    r"(?P<key>(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2}))"
    r"(?:password|passwd|passw|pass|pwd|pw|token|username|user|usr|loginuse|loginpas|auth(?:basic)?)"
    r"(?:=|%3D))"
)
# Rather too much is masked than too little: a value ends only where another one surely begins.
# `_channel=` and `_stream=` are how recorders of one widespread make go on after the password.
_NEXT = r"&[\w.-]+=|_(?:channel|stream)="
_SECRET = re.compile(rf"{_KEY}(?:(?!{_NEXT}).)*", re.IGNORECASE | re.DOTALL)
_SECRET_IN_TEXT = re.compile(rf"{_KEY}(?:(?!{_NEXT})[^\s'\"<>])*", re.IGNORECASE)
_STILL_MASKED = re.compile(rf"{_KEY}{re.escape(MASK)}(?={_NEXT}|$)", re.IGNORECASE)

_ADDRESS_IN_TEXT = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^\s'\"]*@[^\s'\"]*)")


@dataclass(frozen=True, slots=True)
class Address:
    """An address without its log-in, and the log-in.

    Attributes:
        url: As given, without `user:password@`. For connecting only: a path or query may still
            hold a password; people see `shown(url)`.
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


def shown(url: str) -> str:
    """The address as anybody may see it: without a log-in, wherever in it that stands."""
    bare = split_credentials(url).url
    scheme, mark, rest = bare.partition("://")
    if mark and scheme.lower() != "file":
        bare = f"{scheme}{mark}{_without_odd_login(rest)}"
    return _SECRET.sub(rf"\g<key>{MASK}", bare)


def without_secrets(text: str) -> str:
    """The text with the log-ins of all addresses in it masked."""
    text = _ADDRESS_IN_TEXT.sub(_without_login, text)
    return _SECRET_IN_TEXT.sub(rf"\g<key>{MASK}", text)


def _without_login(found: re.Match[str]) -> str:
    scheme, rest = found.groups()
    if scheme.lower() == "file://":
        return found[0]
    login, host_and_path = _cut_login(rest)
    return scheme + (_without_odd_login(rest) if login is None else f"{MASK}@{host_and_path}")


def _without_odd_login(rest: str) -> str:
    """A log-in masked that stands before what can be no host, so that it was not told apart."""
    if "@" not in rest or (_is_host(_authority(rest)) and not _may_be_login(rest)):
        return rest
    return f"{MASK}@{rest.rpartition('@')[2]}"


def _cut_login(rest: str) -> tuple[str | None, str]:
    """Split "login@host/path" at the '@' that ends the log-in; None where there is no log-in.

    An '@' may also stand in the path (`/live@main`), and a '/' in the password. The standard's
    reading, a log-in that ends before the first '/' or '?', is taken where it leaves a possible
    host; else the first '@' that a host follows, unless the address begins with a host itself.
    """
    authority = _authority(rest)
    login, mark, host = authority.rpartition("@")
    if mark and _is_host(host):
        return login, rest[len(login) + 1 :]
    if _is_host(authority):
        return None, rest
    for found in re.finditer("@", rest):
        tail = rest[found.end() :]
        if _is_host(_authority(tail)):
            return rest[: found.start()], tail
    return None, rest


def _authority(rest: str) -> str:
    return re.split("[/?]", rest, maxsplit=1)[0]


def _is_host(text: str) -> bool:
    found = _HOST.fullmatch(text)
    return found is not None and int(found[2] or 0) <= _HIGHEST_PORT


def _may_be_login(rest: str) -> bool:
    """Whether what looks like host and port may be a user and the beginning of a password.

    `bob:1234/5@cam/x` and `cam:8554/live@main` look alike. A host given as a number is none.
    """
    authority = _authority(rest)
    found = _HOST.fullmatch(authority)
    if found is None or found[2] is None or _NUMERIC_HOST.fullmatch(found[1]):
        return False
    return "@" in rest[len(authority) :]


def is_path(url: str) -> bool:
    """Whether the address is a bare path of a file."""
    return "://" not in url and not url.startswith("webcam:")


def is_file(url: str) -> bool:
    """Whether the address is a file's: its path, or `file://` before it."""
    return is_path(url) or url.lower().startswith("file://")


def check_address(url: str) -> str:
    """Give the address back where a camera could have it.

    Raises:
        CameraError: It is empty, not printable, of an unknown kind, as `shown` gives it with a
            log-in masked, or may hold a log-in that cannot be told from a host. The message never
            shows a log-in.
    """
    bare = split_credentials(url).url
    if not url.strip():
        raise CameraError("the camera's address is empty; give rtsp://…, http://… or a file")
    if not url.isprintable():
        raise CameraError(
            f"address {shown(url)!r} holds a character that cannot be printed, such as the end of "
            "a line; type it anew"
        )
    if f"://{MASK}@" in url or _STILL_MASKED.search(bare):
        raise CameraError(
            f"address {shown(url)!r} has {MASK} where a user or password belongs; give the whole "
            "address"
        )
    scheme, mark, rest = bare.partition("://")
    if bare.startswith("webcam:"):
        if not bare.removeprefix("webcam:").isdigit():
            raise CameraError(f"address {shown(url)!r}: a webcam is webcam:0, webcam:1, …")
        return url
    if not mark:
        return url
    if scheme.lower() not in SCHEMES or scheme.lower() == "webcam":
        raise CameraError(
            f"address {shown(url)!r} has the unknown scheme {scheme!r}; use rtsp://, rtsps://, "
            "http://, https://, file://, a file's path or webcam:0"
        )
    if scheme.lower() != "file" and _may_be_login(rest):
        raise CameraError(
            f"address {shown(url)!r} may hold a password where the port belongs: give user and "
            "password beside the address (--username, --ask-password); or, where the '@' belongs "
            "to the path, write the host as its IP address"
        )
    if not rest.strip("/"):
        raise CameraError(f"address {shown(url)!r} names no host or file")
    return url
