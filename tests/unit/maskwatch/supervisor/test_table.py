"""The table of processes under different settings."""

import os
import signal
from pathlib import Path

from maskwatch.cli import COMMANDS
from maskwatch.config import RedisSettings, Settings, WorkerSettings
from maskwatch.supervisor.table import ROLES, ProcessSpec, processes


def _table(settings: Settings) -> dict[str, ProcessSpec]:
    return {spec.name: spec for spec in processes(settings, ROLES)}


def test_every_role_runs_once_by_default(tmp_path: Path) -> None:
    assert list(_table(Settings(data_dir=tmp_path))) == [
        "redis", "record", "work-1", "web", "jobs", "ingest",
    ]  # fmt: skip


def test_a_redis_of_ones_own_is_not_started() -> None:
    settings = Settings(redis=RedisSettings(url="redis://10.0.0.7/0"))
    assert "redis" not in _table(settings)


def test_each_worker_gets_its_share_of_the_cores() -> None:
    redis = RedisSettings(url="redis://10.0.0.7/0")
    table = _table(Settings(redis=redis, workers=WorkerSettings(processes=2)))
    assert {"work-1", "work-2"} <= set(table)
    workers = table["work-1"].settings.workers
    assert workers.processes == 1
    assert workers.threads == max(1, len(os.sched_getaffinity(0)) // 2)
    fixed = _table(Settings(redis=redis, workers=WorkerSettings(processes=2, threads=3)))
    assert fixed["work-2"].settings.workers.threads == 3


def test_every_role_but_redis_is_a_command(tmp_path: Path) -> None:
    for spec in _table(Settings(data_dir=tmp_path)).values():
        if spec.name != "redis":
            assert spec.command[-1] in COMMANDS


def test_cameras_stop_first_and_redis_last(tmp_path: Path) -> None:
    table = _table(Settings(data_dir=tmp_path))
    by_stage = sorted(table.values(), key=lambda spec: spec.stop_stage)
    assert (by_stage[0].name, by_stage[-1].name) == ("ingest", "redis")


def test_an_orphaned_redis_cannot_remove_its_successors_socket(tmp_path: Path) -> None:
    assert _table(Settings(data_dir=tmp_path))["redis"].orphan_signal == signal.SIGKILL
