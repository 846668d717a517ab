"""Endless batches of training crops, the same at every step whatever happened before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, IterableDataset

from training.detector.augment import AugmentSettings, Crop, make_crop
from training.detector.scenes import PictureCache, Scene
from training.detector.truth import Truth


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's crops.

    Attributes:
        step: Number of the step, from 0.
        pictures: uint8 (N, S, S, 3), BGR.
        truths: N.
        files: The scene of each crop.
    """

    step: int
    pictures: torch.Tensor
    truths: list[Truth]
    files: list[str]

    def part(self, rank: int, size: int) -> Batch:
        """Every ``size``-th crop from ``rank`` on; the files stay all, to name them in errors."""
        # Without a copy the whole batch would be sent with its part.
        pictures = self.pictures[rank::size].clone()
        return Batch(self.step, pictures, self.truths[rank::size], self.files)


class _Batches(IterableDataset[Batch]):
    """Batch ``step`` depends on the seed and the step alone, so a resumed run goes on the same."""

    def __init__(
        self,
        scenes: list[Scene],
        cache: PictureCache,
        weights: NDArray[np.float64],
        settings: AugmentSettings,
        *,
        seed: int,
        size: int,
        steps: range,
    ) -> None:
        self._scenes = scenes
        self._cache = cache
        self._chances = weights / weights.sum()
        self._settings = settings
        self._seed = seed
        self._size = size
        self._steps = steps

    def __iter__(self) -> Iterator[Batch]:
        cv2.setNumThreads(1)
        worker = torch.utils.data.get_worker_info()
        first, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        for step in self._steps[first::stride]:
            yield self._batch(step)

    def _batch(self, step: int) -> Batch:
        rng = np.random.default_rng((self._seed, step))
        chosen = rng.choice(len(self._scenes), self._size, p=self._chances)
        crops = [
            make_crop(scene, self._cache.read(scene), self._settings, rng)
            for scene in (self._scenes[index] for index in chosen)
        ]
        return Batch(
            step=step,
            pictures=torch.from_numpy(np.stack([crop.picture for crop in crops])),
            truths=[_truth(crop) for crop in crops],
            files=[crop.file for crop in crops],
        )


def _truth(crop: Crop) -> Truth:
    return Truth(
        boxes=torch.from_numpy(np.ascontiguousarray(crop.boxes)),
        ignored=torch.from_numpy(np.ascontiguousarray(crop.ignored)),
        unpunished_height_px=crop.unpunished_height_px,
    )


def batches(
    scenes: list[Scene],
    cache: PictureCache,
    settings: AugmentSettings,
    *,
    shares: dict[str, float],
    seed: int,
    size: int,
    steps: range,
    workers: int,
) -> Iterator[Batch]:
    """Yields the batches of ``steps``, made in ``workers`` other processes (0: in this one)."""
    # A crowd has more to teach than a portrait, but not in proportion.
    weights = np.array(
        [shares.get(scene.source, 1.0) * max(1, len(scene.boxes)) ** 0.5 for scene in scenes]
    )
    dataset = _Batches(scenes, cache, weights, settings, seed=seed, size=size, steps=steps)
    loader: DataLoader[Batch] = DataLoader(
        dataset,
        batch_size=None,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        # A forked process waits for ever for OpenCV's threads, which it did not inherit.
        multiprocessing_context="spawn" if workers else None,
    )
    yield from loader
