"""Perceptual hashes, and the groups of pictures that look the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

_AUGMENTED = re.compile(r"^Augmented_\d+_")
_HASH_SIDE = 8
_DCT_SIDE = 32
# Pairs are compared this many rows at a time: 1,024 x 20,000 distances are 20 MB.
_ROWS_AT_A_TIME = 1024


def perceptual_hash(picture: Picture) -> np.uint64:
    """Returns 64 bits that change little under scaling, compression and brightness.

    The lowest 8x8 frequencies of a 32x32 cosine transform, each compared with their median
    (the "pHash" of Zauner, 2010).

    Args:
        picture: uint8, (H, W) or (H, W, 3) in BGR order.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if picture.ndim == 3 else picture
    small = cv2.resize(grey, (_DCT_SIDE, _DCT_SIDE), interpolation=cv2.INTER_AREA)
    low = cv2.dct(small.astype(np.float32))[:_HASH_SIDE, :_HASH_SIDE].ravel()
    bits = low > np.median(low[1:])
    return np.uint64(int.from_bytes(np.packbits(bits).tobytes(), "big"))


def hash_distance(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Returns the number of differing bits, broadcasting the two arrays."""
    return np.bitwise_count(np.bitwise_xor(first, second)).astype(np.uint8)


def near_pairs(
    first: NDArray[np.uint64], second: NDArray[np.uint64], *, max_bits: int
) -> NDArray[np.intp]:
    """Returns the index pairs (P, 2) of hashes that differ in at most `max_bits` bits."""
    found: list[NDArray[np.intp]] = []
    for start in range(0, len(first), _ROWS_AT_A_TIME):
        rows = first[start : start + _ROWS_AT_A_TIME]
        pairs = np.argwhere(hash_distance(rows[:, None], second[None, :]) <= max_bits)
        pairs[:, 0] += start
        found.append(pairs)
    return np.concatenate(found) if found else np.empty((0, 2), np.intp)


def near_duplicate_groups(
    hashes: NDArray[np.uint64], *, keys: Sequence[str] = (), max_bits: int = 6
) -> NDArray[np.intp]:
    """Returns one group number per picture; pictures linked by hash or key share a number.

    Args:
        hashes: One `perceptual_hash` a picture, (N,).
        keys: Where given, N keys; pictures of one key belong together whatever their hash.
        max_bits: Most bits that two pictures of a pair may differ in.
    """
    parent = list(range(len(hashes)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    def join(first: int, second: int) -> None:
        low, high = sorted((root(first), root(second)))
        parent[high] = low

    for first, second in near_pairs(hashes, hashes, max_bits=max_bits):
        join(int(first), int(second))
    seen: dict[str, int] = {}
    for index, key in enumerate(keys):
        join(seen.setdefault(key, index), index)
    return np.array([root(index) for index in range(len(hashes))], np.intp)


def base_name(name: str) -> str:
    """Returns a file's stem without the ``Augmented_N_`` that the 12K set puts before copies."""
    return _AUGMENTED.sub("", PurePath(name).stem)
