"""Training labels that the network itself contradicts: most of them are slips of who labelled.

After some steps, what a network with much augmentation and smoothed labels is sure of is what most
pictures agree on; a crop whose label says the opposite is left out from then on. The idea is
confident learning (Northcutt, Jiang and Chuang, 2021), without its cross-validation, which would
cost several trainings. `incorrect` is never doubted: it is rare, and its border is a matter of
taste.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maskwatch.contracts import CLASSES

_OPPOSITE = {"mask": "no_mask", "no_mask": "mask"}


def labels_in_doubt(
    probabilities: NDArray[np.float64], labels: Sequence[str], *, sure: float
) -> NDArray[np.intp]:
    """Returns the places whose opposite the network is sure of, in order.

    Args:
        probabilities: (N, C) in the order of `CLASSES`.
        labels: N names of `CLASSES`.
        sure: Least probability of `no_mask` where the label is `mask`, and the other way round.
    """
    places = [
        place
        for place, label in enumerate(labels)
        if label in _OPPOSITE and probabilities[place, CLASSES.index(_OPPOSITE[label])] >= sure
    ]
    return np.array(places, np.intp)
