"""The shared log goes on whatever becomes of the terminal and the disk."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from maskwatch.supervisor.log import SharedLog


def _on_a_full_disk() -> io.TextIOWrapper:
    return Path("/dev/full").open("w", buffering=1)


def _pipe_that_nobody_reads() -> io.TextIOWrapper:
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w", buffering=1)


@pytest.fixture(params=[_on_a_full_disk, _pipe_that_nobody_reads])
def broken_stderr(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    stream = request.param()
    with pytest.raises(OSError, match=r"No space left|Broken pipe"):
        stream.write("it is really broken\n")
    monkeypatch.setattr(sys, "stderr", stream)
    yield
    monkeypatch.undo()
    with suppress(OSError):
        stream.close()


@pytest.mark.usefixtures("broken_stderr")
def test_a_terminal_that_takes_nothing_stops_nobody(tmp_path: Path) -> None:
    log = SharedLog(tmp_path / "maskwatch.log", echo=True)
    log.child_line("work-1", "loading")
    log.child_line("work-1", "ready")
    log.close()

    lines = (tmp_path / "maskwatch.log").read_text().splitlines()
    assert [line.split("Z ", 1)[1] for line in lines] == [
        "INFO work-1: loading", "INFO work-1: ready",
    ]  # fmt: skip


@pytest.mark.usefixtures("broken_stderr")
def test_neither_file_nor_terminal_taking_anything_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "maskwatch.log").symlink_to("/dev/full")
    log = SharedLog(tmp_path / "maskwatch.log", echo=True)

    log.child_line("work-1", "loading")
    log.child_line("work-1", "ready")

    log.close()
