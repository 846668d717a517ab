"""What the doctor says of one thing."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. Only a failure stops maskwatch from working."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        check: What was looked at, for example "camera entrance".
        level: How bad it is.
        message: What was found, without secrets.
        fix: What to do; "" where nothing is to be done.
    """

    check: str
    level: Level
    message: str
    fix: str = ""


def ok(check: str, message: str) -> Finding:
    """All is well."""
    return Finding(check=check, level=Level.OK, message=message)


def warn(check: str, message: str, *, fix: str) -> Finding:
    """It works, but not as it could."""
    return Finding(check=check, level=Level.WARN, message=message, fix=fix)


def fail(check: str, message: str, *, fix: str = "") -> Finding:
    """It does not work. Messages of our own errors hold their remedy already."""
    return Finding(check=check, level=Level.FAIL, message=message, fix=fix)
