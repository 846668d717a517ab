"""Batches of few sizes, for engines that prepare themselves anew for each size they meet."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.runtimes import Runtime


class BucketedRuntime:
    """A network whose batches are filled up with zeros to the next of a few sizes."""

    def __init__(self, runtime: Runtime, sizes: Sequence[int]) -> None:
        """Wraps a loaded network.

        Args:
            runtime: Runs the filled batches.
            sizes: Rising; a batch larger than the last is run in parts of that size.
        """
        self._runtime = runtime
        self._sizes = tuple(sizes)

    def run(self, batch: NDArray[Any]) -> list[NDArray[np.float32]]:
        """Returns the outputs of the batch itself, without those of the filling.

        Args:
            batch: (N, ...), N from 1.
        """
        largest = self._sizes[-1]
        if len(batch) <= largest:
            return self._filled(batch)
        parts = [
            self._filled(batch[start : start + largest]) for start in range(0, len(batch), largest)
        ]
        return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]

    def _filled(self, batch: NDArray[Any]) -> list[NDArray[np.float32]]:
        count = len(batch)
        size = next(size for size in self._sizes if size >= count)
        if size > count:
            filling = np.zeros((size - count, *batch.shape[1:]), batch.dtype)
            batch = np.concatenate([batch, filling])
        return [output[:count] for output in self._runtime.run(batch)]
