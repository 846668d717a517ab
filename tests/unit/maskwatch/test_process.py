"""Signals, logging and a parent's death, on real processes."""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from maskwatch.address import without_secrets
from maskwatch.process import setup_logging


@pytest.fixture
def _root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def _program(code: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


WAITS = """
from maskwatch.process import stop_on_signals
stop = stop_on_signals(give_up_s=%s)
print("ready", flush=True)
stop.wait()
print("stopped in order", flush=True)
%s
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_sets_the_event(number: int) -> None:
    with _program(WAITS % (10, "")) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        program.send_signal(number)
        assert program.stdout.readline() == "stopped in order\n"
        assert program.wait(10) == 0


def test_a_second_ctrl_c_ends_at_once() -> None:
    with _program(WAITS % (60, "import time; time.sleep(60)")) as program:
        assert program.stdout is not None
        program.stdout.readline()
        program.send_signal(signal.SIGINT)
        program.stdout.readline()
        program.send_signal(signal.SIGINT)
        assert program.wait(10) == -signal.SIGINT


def test_a_process_that_hangs_while_stopping_ends_itself() -> None:
    with _program(WAITS % (0.2, "import time; time.sleep(60)")) as program:
        assert program.stdout is not None
        program.stdout.readline()
        program.send_signal(signal.SIGTERM)
        assert program.wait(10) == 1


def test_a_signal_to_a_forked_child_does_not_stop_its_parent() -> None:
    code = """
import os, signal, time
from maskwatch.process import stop_on_signals
stop = stop_on_signals()
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    os.write(writer, b"x")
    while True:
        time.sleep(0.01)
os.read(reader, 1)
os.kill(child, signal.SIGTERM)
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status), stop.wait(0.3))
"""
    with _program(code) as program:
        output, _ = program.communicate(timeout=20)
    assert output == f"{-signal.SIGTERM} False\n"


def test_a_child_ends_with_its_killed_parent() -> None:
    child = "import os; from maskwatch.process import die_with_parent; die_with_parent({}); "
    child += "print(os.getpid(), flush=True); import signal; signal.pause()"
    parent = f"""
import os, subprocess, sys
subprocess.Popen([sys.executable, "-c", {child!r}.format(os.getpid())]).wait()
"""
    with _program(parent) as program:
        assert program.stdout is not None
        pid = int(program.stdout.readline())
        program.kill()
        program.wait(10)
        # The child holds the other end of the pipe: its end is the end of the file.
        assert program.stdout.read() == ""
    assert not _is_alive(pid)


def _is_alive(pid: int) -> bool:
    waited = threading.Event()
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        waited.wait(0.05)
    return True


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("open rtsp://joe:hush@10.0.0.5/live failed", "open rtsp://***@10.0.0.5/live failed"),
        ("'redis://:hush@h:6379/0'", "'redis://***@h:6379/0'"),
        ("postgresql+psycopg://u:hu@sh@h/d", "postgresql+psycopg://***@h/d"),
        ("http://10.0.0.5/a@b", "http://10.0.0.5/a@b"),
        ("'rtsp://joe:p@ss#1/2@10.0.0.5/a', lost", "'rtsp://***@10.0.0.5/a', lost"),
        ("rtsp://joe:hush@10.0.0.5: lost", "rtsp://***@10.0.0.5: lost"),
        ("open '/user=joe&pwd=hush&c=1' failed", "open '/user=***&pwd=***&c=1' failed"),
        ("GET http://h/v?token=hush failed", "GET http://h/v?token=*** failed"),
        ("mail to a@b.example", "mail to a@b.example"),
    ],
)
def test_addresses_lose_user_and_password(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


@pytest.mark.usefixtures("_root_logger")
def test_a_log_line_has_time_level_role_and_no_secret(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MASKWATCH_ROLE", raising=False)
    setup_logging("ingest", "INFO")
    try:
        raise ValueError("rtsp://joe:hush@h/")
    except ValueError:
        logging.getLogger("x").exception("camera door: %s", "rtsp://joe:hush@h/")
    text = capsys.readouterr().err
    assert " ERROR ingest: camera door: rtsp://***@h/" in text
    assert text[:2] == "20"
    assert text.split(" ")[0].endswith("Z")
    assert "Traceback" in text
    assert "hush" not in text


@pytest.mark.usefixtures("_root_logger")
def test_the_supervisors_name_for_a_process_goes_before_its_role(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASKWATCH_ROLE", "work-2")
    setup_logging("work", "INFO")
    logging.getLogger("x").info("warm")
    assert " INFO work-2: warm" in capsys.readouterr().err
