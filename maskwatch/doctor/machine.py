"""Checks of the machine: the interpreter's packages, the disk, the time zone, the page's port."""

import importlib.util
import shutil
import sys
import time
from pathlib import Path
from typing import Final

import maskwatch
from maskwatch.access import check_access
from maskwatch.config import Settings
from maskwatch.doctor.finding import Finding, fail, ok, warn
from maskwatch.errors import ConfigError
from maskwatch.supervisor.readiness import check_port_is_free, page_address, page_answers

PACKAGES: Final = ("ingest", "maskwatch", "models", "training", "web", "workers")
"""The distribution's top-level packages; their plain names may meet others of the same name."""

DISK_FAIL_BYTES: Final = 200_000_000
DISK_WARN_BYTES: Final = 2_000_000_000


def check_packages(_settings: Settings) -> list[Finding]:
    """Is each of our packages imported from here, and not another of the same name?"""
    root = Path(maskwatch.__file__).resolve().parent.parent
    findings = []
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        origin = spec.origin if spec is not None else None
        if origin is None:
            findings.append(
                fail("packages", f"{name!r} is not installed", fix="install maskwatch again")
            )
        elif Path(origin).resolve().parent.parent != root:
            findings.append(
                fail(
                    "packages",
                    f"{name!r} is shadowed: Python imports {origin}, ours is in {root}",
                    fix="install maskwatch into a virtual environment of its own",
                )
            )
    return findings or [ok("packages", f"Python {sys.version.split()[0]}, maskwatch in {root}")]


def check_disk(settings: Settings) -> list[Finding]:
    """Is there room for the database and the logs?"""
    folder = _existing(settings.data_dir)
    free = shutil.disk_usage(folder).free
    message = f"{free / 1e9:.1f} GB free for {settings.data_dir}"
    fix = "free some space or set data_dir to another disk"
    if free < DISK_FAIL_BYTES:
        return [fail("disk", message, fix=fix)]
    if free < DISK_WARN_BYTES:
        return [warn("disk", message, fix=fix)]
    return [ok("disk", message)]


def check_time_zone(settings: Settings) -> list[Finding]:
    """Do the reports' hours mean what people here think?"""
    here = time.tzname[0]
    if settings.site.timezone == "UTC" and here != "UTC":
        return [
            warn(
                "time zone",
                f"reports count hours in UTC, this machine's clock shows {here}",
                fix="set [site] timezone, for example 'Europe/Paris'",
            )
        ]
    return [ok("time zone", f"hours of reports are of {settings.site.timezone}")]


def check_web(settings: Settings) -> list[Finding]:
    """Can the page be served, or is it already?

    Raises:
        ConfigError: The settings of the page contradict each other.
    """
    address = page_address(settings)
    check_access(settings)
    if page_answers(settings):
        return [ok("web", f"maskwatch answers at {address}")]
    try:
        check_port_is_free(settings, wait_s=0)
    except ConfigError as error:
        return [fail("web", str(error))]
    return [ok("web", f"{address} is free to listen at")]


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder
