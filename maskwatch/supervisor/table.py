"""The table of processes: what runs on one machine, in the order of starting."""

import signal
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from maskwatch.bus.embedded import server_command
from maskwatch.config import Settings
from maskwatch.cores import available_cores
from maskwatch.errors import ConfigError

REDIS: Final = "redis"
WEB: Final = "web"
WORK: Final = "work"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """One process to keep running.

    Attributes:
        name: Unique; "work-2" where a role runs more than once.
        command: Program and arguments.
        settings: What it is handed.
        stop_stage: Stages are stopped one after the other, lowest first, so that what a stopping
            process still says is heard by the ones after it.
        stop_signal: What asks it to end.
        orphan_signal: What the kernel sends it when the supervisor dies.
    """

    name: str
    command: Sequence[str]
    settings: Settings
    stop_stage: int
    stop_signal: int = field(default=signal.SIGTERM)
    orphan_signal: int = field(default=signal.SIGTERM)


def _role(*arguments: str) -> list[str]:
    # -P: modules of the folder where the user stands are not imported in place of ours.
    return [sys.executable, "-P", "-m", "maskwatch", *arguments]


def _always(_settings: Settings) -> int:
    return 1


def _without_redis_url(settings: Settings) -> int:
    return 0 if settings.redis.url.get_secret_value() else 1


def _worker_count(settings: Settings) -> int:
    return settings.workers.processes


def _one_worker(settings: Settings) -> Settings:
    """Settings of one of the inference processes: alone, with its share of the cores."""
    workers = settings.workers
    share = max(1, available_cores() // workers.processes)
    changes = {"processes": 1, "threads": workers.threads or share}
    return settings.with_changes(workers=workers.model_copy(update=changes))


def _redis_command(settings: Settings) -> list[str]:
    return server_command(settings)


@dataclass(frozen=True, slots=True)
class _Row:
    role: str
    count: Callable[[Settings], int]
    command: Callable[[Settings], list[str]]
    stop_stage: int


_TABLE: Final = (
    # Redis has no data to save and no children: killed at once as an orphan, so that it cannot
    # remove the socket of its successor. It stops last: all others still talk through it.
    _Row(REDIS, _without_redis_url, _redis_command, 2),
    _Row("record", _always, lambda _: _role("record"), 1),
    _Row(WORK, _worker_count, lambda _: _role("work"), 1),
    _Row(WEB, _always, lambda _: _role("web"), 1),
    _Row("jobs", _always, lambda _: _role("jobs"), 1),
    _Row("ingest", _always, lambda _: _role("ingest"), 0),
)

ROLES: Final = tuple(row.role for row in _TABLE)
"""Every role, in the order of starting."""


def check_roles(roles: Collection[str]) -> None:
    """Refuse a role that is not in the table.

    Raises:
        ConfigError: There is no such role.
    """
    if unknown := sorted(set(roles) - set(ROLES)):
        raise ConfigError(f"there is no role {unknown[0]!r}; there are {', '.join(ROLES)}")


def processes(settings: Settings, roles: Collection[str]) -> list[ProcessSpec]:
    """What to run under these settings. Makes the folders that the embedded Redis needs.

    Args:
        settings: Says how many workers, and whether Redis is ours.
        roles: Only these of `ROLES`.

    Raises:
        BusError: There is no Redis server program, or its folder cannot be made.
    """
    specs = []
    for row in _TABLE:
        count = row.count(settings) if row.role in roles else 0
        for number in range(1, count + 1):
            specs.append(
                ProcessSpec(
                    name=f"{row.role}-{number}" if row.role == WORK else row.role,
                    command=tuple(row.command(settings)),
                    settings=_one_worker(settings) if row.role == WORK else settings,
                    stop_stage=row.stop_stage,
                    orphan_signal=signal.SIGKILL if row.role == REDIS else signal.SIGTERM,
                )
            )
    return specs
