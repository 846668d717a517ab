"""An engine that prepares itself for each batch size meets only a few."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.runtimes.buckets import BucketedRuntime


class Doubling:
    """Answers twice what it is given, and notes how many at once."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def run(self, batch: NDArray[Any]) -> list[NDArray[np.float32]]:
        self.sizes.append(len(batch))
        return [batch.astype(np.float32) * 2, batch[:, :1].astype(np.float32)]


@pytest.mark.parametrize(
    ("count", "run_as"),
    [(1, [1]), (3, [4]), (4, [4]), (5, [8]), (9, [8, 1]), (18, [8, 8, 4])],
)
def test_a_batch_is_cut_and_filled_up_and_its_own_answers_come_back(
    count: int, run_as: list[int]
) -> None:
    network = Doubling()
    batch = np.arange(count * 2, dtype=np.uint8).reshape(count, 2)
    doubled, first = BucketedRuntime(network, (1, 4, 8)).run(batch)
    assert network.sizes == run_as
    np.testing.assert_array_equal(doubled, batch.astype(np.float32) * 2)
    np.testing.assert_array_equal(first, batch[:, :1])
