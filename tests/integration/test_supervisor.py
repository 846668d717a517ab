"""The supervisor on real processes: restarts, one owner of a data folder, nothing left behind."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from maskwatch.config import Settings, WebSettings
from maskwatch.errors import ConfigError, MaskwatchError
from maskwatch.supervisor import Supervisor
from maskwatch.supervisor.environment import child_environment
from maskwatch.supervisor.readiness import redis_answers


def _settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", web=WebSettings(port=0))


def _eventually(condition: Callable[[], bool], *, within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        threading.Event().wait(0.02)


def _left_behind(data_dir: Path) -> list[str]:
    """Processes that hold the lock of this data folder, or name the folder."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "environ", "status"]):
        texts = [*(process.info["cmdline"] or []), *(process.info["environ"] or {}).values()]
        if process.info["pid"] != os.getpid() and any(str(data_dir) in text for text in texts):
            found.append(" ".join(process.info["cmdline"] or []))
    return found


FAILING_UP = """
import sys
from functools import partial
from pathlib import Path
from maskwatch import cli
from maskwatch.commands import up
from maskwatch.supervisor import Supervisor

really = Supervisor.step

def step(self, now):
    if Path(sys.argv[1]).exists():
        raise OSError(5, "Input/output error")
    really(self, now)

Supervisor.step = step
up.Supervisor = partial(Supervisor, roles=["redis"])
cli.main(["up"])
"""
"""`maskwatch up` with Redis alone, whose supervisor fails as soon as a file is there."""


def _up(settings: Settings, tmp_path: Path) -> "subprocess.Popen[str]":
    """`maskwatch up` as a user starts it."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "maskwatch", "up"],
        env=child_environment(settings, role="up"),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_a_killed_redis_is_started_again_on_the_same_socket(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    with Supervisor(settings, roles=["redis"]) as supervisor:
        assert redis_answers(settings)
        first = supervisor.pids()["redis"]
        os.kill(first, signal.SIGKILL)
        _eventually(lambda: supervisor.pids().get("redis", first) != first)
        _eventually(lambda: redis_answers(settings))
        assert supervisor.restarts() == {"redis": 1}
    assert not redis_answers(settings)
    assert _left_behind(settings.data_dir) == []


def test_the_database_is_ready_when_start_returns(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    with Supervisor(settings, roles=["redis"]):
        assert (settings.data_dir / "maskwatch.db").stat().st_size > 0


def test_two_supervisors_on_one_data_folder_are_refused(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    with Supervisor(settings, roles=["redis"]):
        with pytest.raises(ConfigError, match=f"process {os.getpid()}.*another data_dir"):
            Supervisor(settings, roles=["redis"]).start()
        assert redis_answers(settings)
    with Supervisor(settings, roles=["redis"]):
        assert redis_answers(settings)


def test_an_unusable_data_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = Settings(data_dir=tmp_path / "file" / "data")
    with pytest.raises(ConfigError, match=r"data_dir .*file/data"):
        Supervisor(settings, roles=["redis"]).start()


def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        settings = Settings(data_dir=tmp_path / "data", web=WebSettings(port=port))
        with pytest.raises(ConfigError, match=rf"web\.port = {port} .*another web\.port"):
            Supervisor(settings).start()
    assert _left_behind(settings.data_dir) == []


def test_an_unknown_role_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no role 'redsi'"):
        Supervisor(_settings(tmp_path), roles=["redsi"])


def test_the_log_names_the_process_of_every_line(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    with Supervisor(settings, roles=["redis"]):
        pass
    lines = (settings.data_dir / "logs" / "maskwatch.log").read_text().splitlines()
    assert any(" INFO supervisor: redis started" in line for line in lines)
    assert any(" INFO redis: " in line for line in lines)
    assert " INFO supervisor: everything has ended" in lines[-1]


def test_up_says_where_the_page_is_and_ends_on_sigterm(tmp_path: Path) -> None:
    settings = Supervisor(_settings(tmp_path)).settings  # with a free port
    with _up(settings, tmp_path) as up:
        assert up.stdout is not None
        assert up.stdout.readline() == f"maskwatch is ready: http://127.0.0.1:{settings.web.port}\n"
        asked_at = time.monotonic()
        up.send_signal(signal.SIGTERM)
        assert up.wait(20) == 0
        took_s = time.monotonic() - asked_at
    assert _left_behind(settings.data_dir) == []
    # The promise is five seconds on a machine of its own; the log tells whether force was needed.
    log = (settings.data_dir / "logs" / "maskwatch.log").read_text()
    assert "did not end in time" not in log, f"stopping took {took_s:.1f} s"


def test_nothing_is_left_of_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    settings = Supervisor(_settings(tmp_path)).settings
    with _up(settings, tmp_path) as up:
        assert up.stdout is not None
        assert "ready" in up.stdout.readline()
        up.kill()
    _eventually(lambda: _left_behind(settings.data_dir) == [], within_s=20)
    with Supervisor(settings, roles=["redis"]):
        assert redis_answers(settings)


def test_up_outlives_a_full_disk_behind_its_terminal_and_exits_with_1_when_it_fails_itself(
    tmp_path: Path,
) -> None:
    settings = Supervisor(_settings(tmp_path)).settings
    fail = tmp_path / "fail"
    with (
        Path("/dev/full").open("w") as full,
        subprocess.Popen(
            [sys.executable, "-P", "-c", FAILING_UP, str(fail)],
            env=child_environment(settings, role="up"),
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
        ) as up,
    ):
        assert up.stdout is not None
        assert "ready" in up.stdout.readline()
        assert redis_answers(settings)
        fail.touch()
        assert up.wait(20) == 1
    assert _left_behind(settings.data_dir) == []
    log = (settings.data_dir / "logs" / "maskwatch.log").read_text()
    assert "the supervisor has failed; ending every process" in log
    assert " INFO supervisor: everything has ended" in log


def test_a_supervisor_that_fails_ends_everything_and_says_so_to_who_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(tmp_path)
    with Supervisor(settings, roles=["redis"]) as supervisor:

        def fail(_now: float) -> None:
            raise ValueError("a mistake of ours")

        monkeypatch.setattr(supervisor, "step", fail)
        with pytest.raises(MaskwatchError, match=r"a mistake of ours.*start maskwatch again"):
            supervisor.wait(threading.Event())
        with pytest.raises(MaskwatchError, match="a mistake of ours"):
            supervisor.wait_ready(10)
    assert not redis_answers(settings)
    assert _left_behind(settings.data_dir) == []
