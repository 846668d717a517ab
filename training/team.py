"""Processes that train one network together, each on its share of every batch.

A training asks here for its share, and sums what must be the whole batch's; alone in its run it
keeps what it has. Batches and figures go from process to process over gloo, gradients on GPUs over
NCCL. :func:`training.gpus.launch` starts the processes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, Protocol, Self, TypeVar


class Shareable(Protocol):
    """A batch that can be cut into shares."""

    def part(self, rank: int, size: int) -> Self:
        """Its rows ``rank``, ``rank + size``, ``rank + 2 * size`` …"""


Batch = TypeVar("Batch", bound=Shareable)


def _group() -> Any | None:
    """``torch.distributed`` where this process is one of several, else None.

    PyTorch is not imported for this: where a training runs on another engine it may be absent.
    """
    group = sys.modules.get("torch.distributed")
    return group if group and group.is_available() and group.is_initialized() else None


def size() -> int:
    """Returns how many processes train together; 1 for a training of its own."""
    group = _group()
    return int(group.get_world_size()) if group else 1


def rank() -> int:
    """Returns the number of this process among them, from 0."""
    group = _group()
    return int(group.get_rank()) if group else 0


def leads() -> bool:
    """Says whether this process measures, tells and writes files; the others only train."""
    return rank() == 0


def rows_of(batch: int) -> int:
    """Returns how many of a batch's rows are this process's share."""
    return len(range(rank(), batch, size()))


def own_steps(steps: range) -> range:
    """Returns the steps whose batch this process makes for :class:`Turns`.

    The last may lie beyond the end of ``steps``: every process makes one batch in a round.
    """
    to_end_of_round = range(steps.start, steps.stop + size() - 1)
    return to_end_of_round[(rank() - steps.start) % size() :: size()]


class Turns(Generic[Batch]):
    """Batches made in turns: each process makes every n-th one and hands the others their shares.

    Making pictures is what a fast GPU waits for, so no process makes rows that it does not use.
    """

    def __init__(self, make: Callable[[int], Batch]) -> None:
        """Takes how a step's whole batch is made.

        Args:
            make: Called with the steps of `own_steps`, in order.
        """
        self._make = make
        self._made: tuple[int, Batch] | None = None

    def share(self, step: int) -> Batch:
        """Returns this process's rows of a step's batch; all processes ask for the same step."""
        group = _group()
        if group is None:
            return self._make(step)
        mine = step - step % size() + rank()
        # All make theirs at the same time, at the first step of a round.
        if mine >= step and (self._made is None or self._made[0] != mine):
            self._made = mine, self._make(mine)
        parts = None
        if mine == step and self._made is not None:
            parts = [self._made[1].part(number, size()) for number in range(size())]
        received: list[Batch | None] = [None]
        group.scatter_object_list(received, parts, src=step % size())
        share = received[0]
        assert share is not None  # noqa: S101  # for the type checker: scatter fills it
        return share


def summed(values: Sequence[float]) -> list[float]:
    """Returns each number's sum over the processes."""
    group = _group()
    if group is None:
        return list(values)
    import torch

    tensor = torch.tensor(values, dtype=torch.float64)
    group.all_reduce(tensor)
    return [float(value) for value in tensor]


def sum_tensors(tensors: Sequence[Any], *, weight: float = 1.0) -> None:
    """Replaces tensors of one device and type by ``weight`` times them, summed over the processes.

    Every process then holds the same numbers to the last bit. Alone it changes nothing.
    """
    group = _group()
    if group is None or not tensors:
        return
    import torch

    with torch.no_grad():
        # One message: the nets are small, so that each costs more than its bytes.
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors]).mul_(weight)
        group.all_reduce(flat)
        parts = flat.split([tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))


def wait() -> None:
    """Returns once all processes are here."""
    summed([0.0])


@contextmanager
def first_alone() -> Iterator[None]:
    """Lets the first process through the block before the others, who find what it has written."""
    if not leads():
        wait()
    yield
    if leads():
        wait()
