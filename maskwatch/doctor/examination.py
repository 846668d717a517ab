"""All checks, one after the other; what one raises becomes its finding."""

from collections.abc import Callable, Collection, Iterator
from typing import Final

from maskwatch.config import Settings
from maskwatch.doctor.finding import Finding, fail
from maskwatch.doctor.machine import check_disk, check_packages, check_time_zone, check_web
from maskwatch.doctor.services import (
    check_cameras,
    check_database,
    check_models,
    check_recorder,
    check_redis,
    check_workers,
)
from maskwatch.errors import MaskwatchError

CHECKS: Final[dict[str, Callable[[Settings], list[Finding]]]] = {
    "packages": check_packages,
    "disk": check_disk,
    "time zone": check_time_zone,
    "redis": check_redis,
    "workers": check_workers,
    "recorder": check_recorder,
    "database": check_database,
    "models": check_models,
    "web": check_web,
    "cameras": check_cameras,
}
"""Name to check, in the order of the report."""


def examine(settings: Settings, only: Collection[str] = CHECKS) -> Iterator[Finding]:
    """Every finding, as soon as it is there.

    Args:
        settings: The configuration.
        only: Names of `CHECKS`.
    """
    for name, check in CHECKS.items():
        if name not in only:
            continue
        try:
            yield from check(settings)
        except MaskwatchError as error:
            yield fail(name, str(error))
