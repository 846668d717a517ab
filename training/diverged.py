"""A training whose numbers ran away is stopped before anything of it is kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwatch.errors import MaskwatchError


class TrainingDivergedError(MaskwatchError):
    """A loss, gradient or weight is no number any more; the last good checkpoint is kept."""


def all_finite(arrays: Iterable[NDArray[Any]]) -> bool:
    """Says whether no number of the arrays is nan or infinite."""
    return all(bool(np.isfinite(array).all()) for array in arrays)
