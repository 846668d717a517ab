"""Training scenes that look like a held-out one: two collections share some photographs."""

from __future__ import annotations

import numpy as np

from training.datasets.hashing import near_pairs, perceptual_hash
from training.detector.scenes import PictureCache, Scene

# As `maskwatch data check` counts them.
_SAME_PICTURE_BITS = 6


def without_held_out(scenes: list[Scene], cache: PictureCache) -> list[Scene]:
    """Returns the scenes without those of the training split that nearly equal a held-out one.

    Groups are made within a collection; the same photograph in two is found by its hash.
    """
    hashes = np.array([perceptual_hash(cache.read(scene)) for scene in scenes], np.uint64)
    is_held_out = np.array([scene.split != "train" for scene in scenes], bool)
    training = np.flatnonzero(~is_held_out)
    pairs = near_pairs(hashes[training], hashes[is_held_out], max_bits=_SAME_PICTURE_BITS)
    left_out = set(training[pairs[:, 0]].tolist())
    return [scene for place, scene in enumerate(scenes) if place not in left_out]
