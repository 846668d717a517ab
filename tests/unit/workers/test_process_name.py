"""A process is known again by its name, and another one with the same id is not taken for it."""

import os
import subprocess
import sys

import psutil
import pytest

from workers.process_name import has_ended, process_name


def test_a_running_process_has_not_ended() -> None:
    assert has_ended(process_name(os.getpid())) is False


def test_a_process_that_has_ended_is_known_to_have() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = process_name(process.pid)
    assert has_ended(name) is False
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert has_ended(name) is True, "nobody has fetched its exit code yet"
    process.communicate()
    assert has_ended(name) is True


def test_another_process_with_the_same_id_is_not_taken_for_it() -> None:
    host, pid, started = process_name(os.getpid()).split(":")
    assert has_ended(f"{host}:{pid}:{int(started) - 60}") is True
    assert has_ended(f"{host}:{pid}") is True, "a name of an earlier version"


def test_of_another_host_nothing_is_known() -> None:
    assert has_ended(f"elsewhere:{os.getpid()}:5") is None
    assert has_ended("") is None


def test_setting_the_clock_changes_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    name = process_name(os.getpid())
    booted = psutil.boot_time()
    real = psutil.Process.create_time
    monkeypatch.setattr(psutil, "boot_time", lambda: booted + 3600)
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: real(process) + 3600)

    assert has_ended(name) is False


def test_a_name_fits_its_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "h" * 300)
    monkeypatch.setattr(psutil, "boot_time", lambda: 0.0)
    assert len(process_name(os.getpid())) <= 80
