"""A run's figures where TensorBoard reads them, written without TensorFlow or PyTorch."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from training.disk import disk_errors, make_folder


class TensorboardLog:
    """One event file in the run's folder ``tensorboard``; a resumed run adds another.

    What an earlier file has from the first step of a later one on is not shown: those steps were
    taken back with the checkpoint.

    Every method raises StorageError where the disk refuses.
    """

    def __init__(self, run: Path) -> None:
        folder = run / "tensorboard"
        make_folder(folder)
        # TensorBoard takes the files of a folder in the order of their names.
        self._path = folder / f"events.out.tfevents.{time.time():017.6f}.{os.getpid()}"
        self._append(Event(wall_time=time.time(), file_version="brain.Event:2"))
        self._has_begun = False

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        """Adds the figures of a step."""
        if not self._has_begun:
            start = SessionLog(status=SessionLog.START)
            self._append(Event(wall_time=time.time(), step=step, session_log=start))
            self._has_begun = True
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in figures.items()]
        self._append(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))

    def _append(self, event: Event) -> None:
        with disk_errors(self._path), self._path.open("ab") as file:
            RecordWriter(file).write(event.SerializeToString())
