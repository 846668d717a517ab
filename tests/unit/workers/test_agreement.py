"""Which worker names belong to processes that have ended."""

import os
import subprocess
import sys

from workers.agreement import is_known_dead, worker_name


def test_a_running_process_is_not_dead() -> None:
    assert not is_known_dead(worker_name(os.getpid()))


def test_a_process_that_ended_is_dead_even_before_its_parent_has_noticed() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert is_known_dead(worker_name(process.pid))
    process.wait()
    assert is_known_dead(worker_name(process.pid))


def test_of_other_hosts_and_other_names_nothing_is_known() -> None:
    assert not is_known_dead("another-host-999999999")
    assert not is_known_dead(worker_name(1).rpartition("-")[0] + "-soon")
    assert not is_known_dead("w1")
