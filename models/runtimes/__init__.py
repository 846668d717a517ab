"""The engines that run networks, one file for each, behind one small seam."""

from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Device = Literal["cpu", "gpu"]


class Runtime(Protocol):
    """A loaded network: arrays in, arrays out."""

    def run(self, batch: NDArray[Any]) -> list[NDArray[np.float32]]:
        """Returns the network's outputs for one batch, the batch axis first."""
        ...
