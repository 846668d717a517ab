"""Starts a training once for each GPU, and ends all of these processes when one ends early."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

from maskwatch.errors import ConfigError, MaskwatchError
from training import team

_logger = logging.getLogger(__name__)

# Longer than the first process measures or exports while the others wait for it.
_PATIENCE = timedelta(hours=12)
_LET_THE_CAUSE_SPEAK_S = 2.0

Tell = Callable[..., None]
Job = Callable[[Tell], None]


class TeamError(MaskwatchError):
    """One of several training processes ended early; its run goes on from the checkpoint."""


def processes_for(gpus: int | None, *, present: int, batch: int) -> int:
    """Returns how many processes to train in.

    Args:
        gpus: As asked for; None is all that are present.
        present: GPUs that the training can use.
        batch: Rows of a batch; every process needs one.

    Raises:
        ConfigError: More are asked for than are present, or than a batch has rows.
    """
    if gpus is None:
        return max(1, min(present, batch))
    if gpus > present:
        raise ConfigError(
            f"--gpus {gpus}: this training can use {present} here; ask for no more than that, "
            "or leave --gpus out"
        )
    if gpus > batch:
        raise ConfigError(
            f"--gpus {gpus}: a batch has {batch} rows (run.batch of the recipe) and every GPU "
            "needs one; ask for fewer GPUs, or enlarge the batch"
        )
    return gpus


def gpus_present() -> int:
    """Returns how many NVIDIA GPUs Keras's engine sees."""
    import keras

    match keras.backend.backend():
        case "torch":
            import torch

            return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0
        case "tensorflow":
            import tensorflow

            return len(tensorflow.config.list_physical_devices("GPU"))
    return 0


def tell_of_idle_gpus(present: int) -> None:
    """Logs, in a training that uses one GPU, that others are here and what would use them."""
    if present > 1:
        _logger.warning(
            "one of %d GPUs is used: only the trainings of detector and classifier share out "
            "their work, and only on PyTorch",
            present,
        )


def launch(job: Job, tell: Tell, *, processes: int, device: str) -> None:
    """Does a job in this process, or in several new ones that train together.

    Args:
        job: Called with what tells of its progress. For several processes it must be picklable, as
            what it tells must be; only the first one's telling is passed on.
        tell: Called in this process.
        processes: How many; 1 is this one.
        device: "cuda" gives each process a GPU of its own; "cpu" is for tests.

    Raises:
        MaskwatchError: What the job raised in any process; all of them have ended then.
        TeamError: A process was killed, or failed otherwise.
    """
    if processes == 1:
        job(tell)
        return
    context = multiprocessing.get_context("spawn")
    started: dict[Connection, BaseProcess] = {}
    with TemporaryDirectory(prefix="maskwatch-") as folder:
        try:
            for number in range(processes):
                inbox, outbox = context.Pipe(duplex=False)
                seat = _Seat(number, processes, device, Path(folder) / "meeting", outbox)
                process: BaseProcess = context.Process(target=_work, args=(seat, job))
                process.start()
                # The child's end is then the only one: reading ends when the child does.
                outbox.close()
                started[inbox] = process
            _follow(started, tell)
        finally:
            for process in started.values():
                process.kill()
                process.join()


def _follow(started: dict[Connection, BaseProcess], tell: Tell) -> None:
    names = {inbox: f"process {n} of {len(started)}" for n, inbox in enumerate(started, start=1)}
    running = dict(started)
    while running:
        for inbox in wait(list(running)):
            assert isinstance(inbox, Connection)  # noqa: S101  # for the type checker
            try:
                message = inbox.recv()
            except EOFError:
                process = running.pop(inbox)
                process.join()
                if process.exitcode == 0:
                    continue
                message = TeamError(
                    f"ended early (exit code {process.exitcode}; -9 is often a lack of memory)"
                )
            if isinstance(message, TeamError):
                raise TeamError(
                    f"{names[inbox]} of the training {message}; all have been stopped: the same "
                    "command goes on from the last checkpoint"
                )
            if isinstance(message, MaskwatchError):
                raise message
            tell(*message)


@dataclass(frozen=True, slots=True)
class _Seat:
    """What a process is told of its place among the others."""

    rank: int
    size: int
    device: str
    meeting: Path
    outbox: Connection


def _work(seat: _Seat, job: Job) -> None:
    # Ctrl-C reaches every process of a terminal: the parent takes it and ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _meet(seat)
        job((lambda *news: seat.outbox.send(news)) if seat.rank == 0 else (lambda *_: None))
        team.wait()  # the first process may have more to do than the others
        _part()
    except MaskwatchError as error:
        seat.outbox.send(error)
        sys.exit(1)
    except Exception as error:
        # Where another process has ended this one fails too, but the other knows the cause.
        time.sleep(_LET_THE_CAUSE_SPEAK_S)
        _logger.error("%s", traceback.format_exc())
        seat.outbox.send(TeamError(f"failed ({type(error).__name__}: {error})"))
        sys.exit(1)


def _meet(seat: _Seat) -> None:
    import torch
    from torch import distributed

    if seat.device == "cuda":
        torch.cuda.set_device(seat.rank)
    torch.set_num_threads(max(1, torch.get_num_threads() // seat.size))
    distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if seat.device == "cuda" else "gloo",
        store=distributed.FileStore(str(seat.meeting), seat.size),
        rank=seat.rank,
        world_size=seat.size,
        timeout=_PATIENCE,
    )


def _part() -> None:
    from torch import distributed

    distributed.destroy_process_group()


def _end_with_parent() -> None:
    """Ends this process when its parent has ended, however: nobody else would end it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
