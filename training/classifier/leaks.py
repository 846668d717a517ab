"""Training crops that look like a crop of another split, whatever their collections say."""

from __future__ import annotations

import numpy as np

from training.classifier.crop_cache import CACHE_SIDE_PX, CropCache
from training.classifier.looks import rows_to_measure, still_look
from training.datasets.hashing import near_pairs, perceptual_hash

# At 8 of 64 bits the pairs were copies by eye; at 10 many were strangers in the same pose.
_SAME_PICTURE_BITS = 8


def rows_like_held_out(cache: CropCache) -> tuple[int, ...]:
    """Returns the training rows that nearly equal a validation or test crop, in order.

    Groups are made within a collection; the same photograph in two collections, or under two
    groups of one, is found here and left out of the training.
    """
    training = [row for row, crop in enumerate(cache.crops) if crop.split == "train"]
    held_out = rows_to_measure(cache, "val") + rows_to_measure(cache, "test")
    pairs = near_pairs(
        _hashes(cache, training), _hashes(cache, held_out), max_bits=_SAME_PICTURE_BITS
    )
    return tuple(sorted({training[place] for place in pairs[:, 0]}))


def _hashes(cache: CropCache, rows: list[int]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    looks = (still_look(np.asarray(cache.pixels[row]), CACHE_SIDE_PX * 2 // 3) for row in rows)
    return np.fromiter((perceptual_hash(look) for look in looks), np.uint64, len(rows))
