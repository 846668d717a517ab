"""Crops of the cache as the network sees them, and what it says of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from maskwatch.contracts import CLASSES
from models.crops import DEFAULT_SPAN
from models.runtimes import Runtime
from training.augment.camera import central_cut
from training.classifier.crop_cache import CACHE_SPAN, CropCache
from training.classifier.measures import softmax

if TYPE_CHECKING:
    import keras

_PREDICT_BATCH = 128


def network_input(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns uint8 BGR pictures (N, S, S, 3) as the network wants them: RGB, -1..1."""
    return pictures[..., ::-1].astype(np.float32) / np.float32(127.5) - np.float32(1)


def still_look(wide: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    """Returns the classifier's own cut of a cached crop, unchanged otherwise."""
    return central_cut(wide, side_px=side_px, share=DEFAULT_SPAN / CACHE_SPAN)


def rows_to_measure(cache: CropCache, split: str) -> list[int]:
    """Returns the rows of a split that figures are taken on.

    Faces cut from labelled scenes where there are any: ready-made crops flatter a classifier.
    """
    rows = [row for row, crop in enumerate(cache.crops) if crop.split == split]
    scenes = [row for row in rows if cache.crops[row].is_from_scene]
    return scenes or rows


def looks_of(
    cache: CropCache, rows: Sequence[int], side_px: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Returns the still looks (N, side, side, 3) and class numbers (N,) of rows of the cache."""
    looks = np.empty((len(rows), side_px, side_px, 3), np.uint8)
    for place, row in enumerate(rows):
        looks[place] = still_look(np.asarray(cache.pixels[row]), side_px)
    return looks, np.array([CLASSES.index(cache.crops[row].label) for row in rows], np.int64)


def predict(model: keras.Model, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns the logits (N, C) of looks (N, side, side, 3), a batch at a time."""
    parts = [
        model.predict_on_batch(network_input(pictures[start : start + _PREDICT_BATCH]))
        for start in range(0, len(pictures), _PREDICT_BATCH)
    ]
    return np.concatenate(parts) if parts else np.empty((0, len(CLASSES)), np.float32)


def still_chances(
    runtime: Runtime, cache: CropCache, rows: Sequence[int], side_px: int
) -> NDArray[np.float64]:
    """Returns the probabilities (N, C) of rows of the cache, each also seen in the mirror.

    Args:
        runtime: An exported classifier.
        cache: Where the crops are.
        rows: Which.
        side_px: Side of the classifier's input.
    """
    parts = []
    for start in range(0, len(rows), _PREDICT_BATCH):
        looks, _ = looks_of(cache, rows[start : start + _PREDICT_BATCH], side_px)
        plain, mirrored = (
            softmax(runtime.run(np.ascontiguousarray(views))[0])
            for views in (looks, looks[:, :, ::-1])
        )
        parts.append((plain + mirrored) / 2)
    return np.concatenate(parts) if parts else np.empty((0, len(CLASSES)))
