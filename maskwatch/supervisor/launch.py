"""Become another program that ends when the supervisor ends, even by kill -9.

Run as a script, before any of maskwatch is imported (that would cost half a second a process):
`python -I -S launch.py SUPERVISOR_PID SIGNAL PROGRAM ARGUMENT…`. The kernel's order to send a
signal at the parent's death survives exec, so this works for programs that are not ours too.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the kernel for the signal, then turn into the program."""
    parent_pid, signal_number = int(sys.argv[1]), int(sys.argv[2])
    program = sys.argv[3:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number)
        if os.getppid() != parent_pid:
            sys.exit(1)  # the supervisor ended before the kernel had been asked
    os.execvp(program[0], program)  # noqa: S606  # the supervisor's own table names the program


if __name__ == "__main__":
    main()
