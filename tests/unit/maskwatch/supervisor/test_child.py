"""One supervised process: restarts, pauses, and nothing left behind. Real processes."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from maskwatch.config import Settings
from maskwatch.supervisor.child import Child, restart_pause_s
from maskwatch.supervisor.table import ProcessSpec


class Bench:
    """Steps one child on a clock that the test moves, and keeps what it prints."""

    def __init__(self, descriptor: int) -> None:
        self.now = 100.0
        self.lines: list[str] = []
        self._descriptor = descriptor
        self.child: Child | None = None

    def child_of(self, code: str) -> Child:
        command = (sys.executable, "-c", code)
        spec = ProcessSpec(name="it", command=command, settings=Settings(), stop_stage=0)
        self.child = Child(
            spec,
            dict(os.environ),
            on_line=lambda _name, line: self.lines.append(line),
            inherited_descriptor=self._descriptor,
        )
        return self.child

    def until(self, condition: Callable[[], bool]) -> None:
        """Step at an unmoved clock until the condition holds."""
        assert self.child is not None
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, self.lines
            self.child.step(self.now)
            threading.Event().wait(0.01)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with (tmp_path / "lock").open("w") as file:
        made = Bench(file.fileno())
        yield made
        if made.child is not None:
            made.child.kill()


def _pid(child: Child) -> int:
    assert child.pid, "0 would be this process's own group"
    return child.pid


def _kill(child: Child) -> None:
    os.kill(_pid(child), signal.SIGKILL)


def test_pauses_double_up_to_a_limit() -> None:
    assert [restart_pause_s(n) for n in (1, 2, 3, 4, 8, 100)] == [0.25, 0.5, 1, 2, 30, 30]


def test_a_killed_process_is_started_again(bench: Bench) -> None:
    child = bench.child_of("import signal; print('up', flush=True); signal.pause()")
    bench.until(lambda: bench.lines == ["up"])
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    bench.until(lambda: child.pid is None)
    bench.now += 0.25
    bench.until(lambda: bench.lines == ["up", "up"])
    assert child.pid not in (None, first)
    assert child.restarts == 1


def test_a_process_that_keeps_failing_is_started_ever_more_rarely(bench: Bench) -> None:
    child = bench.child_of("raise SystemExit(3)")
    for failure, pause in enumerate((0.25, 0.5, 1.0), start=1):
        bench.until(lambda failure=failure: child.restarts == failure)
        bench.now += pause * 0.9
        child.step(bench.now)
        assert child.pid is None
        bench.now += pause * 0.2


def test_a_healthy_minute_forgets_earlier_failures(bench: Bench) -> None:
    child = bench.child_of("import signal; print('up', flush=True); signal.pause()")
    for count in (1, 2, 3):
        bench.until(lambda count=count: len(bench.lines) == count)
        _kill(child)
        bench.until(lambda: child.pid is None)
        bench.now += 1.0
    bench.until(lambda: len(bench.lines) == 4)
    bench.now += 61.0
    child.step(bench.now)
    _kill(child)
    bench.until(lambda: child.pid is None)
    bench.now += 0.26
    child.step(bench.now)
    assert child.pid is not None


def test_what_a_dead_process_started_is_ended_before_its_restart(bench: Bench) -> None:
    child = bench.child_of(
        "import subprocess, signal, sys\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
        "print(p.pid, flush=True)\n"
        "signal.pause()\n"
    )
    bench.until(lambda: len(bench.lines) == 1)
    grandchild = psutil.Process(int(bench.lines[0]))
    _kill(child)
    bench.until(lambda: child.pid is None)
    grandchild.wait(5)
    assert not grandchild.is_running()


def test_a_process_that_ignores_the_request_is_killed(bench: Bench) -> None:
    child = bench.child_of(
        "import signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('up', flush=True)\n"
        "while True: signal.pause()\n"
    )
    bench.until(lambda: bench.lines == ["up"])
    pid = child.pid
    child.ask_to_end()
    assert not child.has_ended()
    child.kill()
    assert child.has_ended()
    assert not psutil.pid_exists(pid or 0)


def test_asking_a_process_that_has_just_ended_changes_nothing(bench: Bench) -> None:
    child = bench.child_of("import signal; print('up', flush=True); signal.pause()")
    bench.until(lambda: bench.lines == ["up"])
    _kill(child)
    os.waitid(os.P_PID, _pid(child), os.WEXITED | os.WNOWAIT)
    child.ask_to_end()
    assert child.has_ended()


def test_the_last_words_of_a_process_are_kept(bench: Bench) -> None:
    child = bench.child_of("import sys; print('out'); sys.exit('the reason')")
    bench.until(lambda: child.restarts == 1)
    assert sorted(bench.lines) == ["out", "the reason"]


def test_a_start_that_the_machine_refuses_is_tried_again_ever_more_rarely(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    child = bench.child_of("import signal; print('up', flush=True); signal.pause()")

    def no_process_left(*_args: object, **_kwargs: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    with monkeypatch.context() as patched:
        patched.setattr(subprocess, "Popen", no_process_left)
        for failure, pause in enumerate((0.25, 0.5), start=1):
            child.step(bench.now)
            child.step(bench.now + pause * 0.9)
            assert child.restarts == failure
            bench.now += pause
    assert child.has_ended()
    bench.until(lambda: bench.lines == ["up"])
    assert "it cannot be started ([Errno 11] Resource temporarily unavailable)" in caplog.text


def test_a_process_whose_words_nobody_could_read_is_ended_and_started_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = bench.child_of("import signal; print('up', flush=True); signal.pause()")
    started: list[int] = []
    really = subprocess.Popen

    def start(*args: object, **kwargs: object) -> object:
        process = really(*args, **kwargs)  # type: ignore[call-overload]
        started.append(process.pid)
        return process

    def no_thread_left(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(subprocess, "Popen", start)
        patched.setattr(threading.Thread, "start", no_thread_left)
        child.step(bench.now)
    assert child.has_ended()
    assert [psutil.pid_exists(pid) for pid in started] == [False]
    bench.now += 0.25
    bench.until(lambda: bench.lines == ["up"])
