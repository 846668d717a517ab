"""Processor time by role, from the trees of the supervisor's processes."""

from collections.abc import Mapping

import psutil


class ProcessorTime:
    """Counts the processor seconds of processes and all they started.

    A process that ends between two readings takes its last share with it; the running system has
    none that come and go.
    """

    def __init__(self, pids: Mapping[str, int]) -> None:
        """Begin to count.

        Args:
            pids: Name to process id; "work-1" and "work-2" are both of the role "work".
        """
        self._pids = dict(pids)
        self._before = self._read()

    def since_start(self) -> dict[str, float]:
        """Processor seconds by role since the beginning."""
        spent: dict[str, float] = {}
        for (role, pid), seconds in self._read().items():
            spent.setdefault(role, 0.0)
            spent[role] += seconds - self._before.get((role, pid), 0.0)
        return spent

    def _read(self) -> dict[tuple[str, int], float]:
        seconds = {}
        for name, pid in self._pids.items():
            role = name.split("-")[0]
            for process in _tree(pid):
                try:
                    times = process.cpu_times()
                except psutil.NoSuchProcess:
                    continue
                seconds[role, process.pid] = times.user + times.system
        return seconds


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
