"""The thesis's pictures in batches: decoded when needed, turned about as its generator did."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.errors import MediaError
from training.datasets.folders import FolderPicture, read_picture
from training.vgg19.net import CLASSES
from training.vgg19.recipe import Vgg19Recipe


def side_of(pictures: Sequence[FolderPicture], split: str) -> list[FolderPicture]:
    """Returns the pictures of a split that have one of the two classes.

    Raises:
        MediaError: A class has none there.
    """
    chosen = [item for item in pictures if item.split == split and item.label in CLASSES]
    for label in CLASSES:
        if not any(item.label == label for item in chosen):
            raise MediaError(f"the {split} split has no picture of {label}; check --data")
    return chosen


class PictureBatches:
    """Batches of one split.

    The order and the changes of a picture depend on the seed and the epoch alone, so that a resumed
    run sees what an undisturbed one would have seen.
    """

    def __init__(
        self, pictures: Sequence[FolderPicture], recipe: Vgg19Recipe, *, is_training: bool
    ) -> None:
        self._pictures = list(pictures)
        self._recipe = recipe
        self._is_training = is_training
        self.labels = np.array([CLASSES.index(item.label) for item in pictures], np.int64)

    def __len__(self) -> int:
        return -(-len(self._pictures) // self._recipe.batch)

    def batch(self, epoch: int, number: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns pictures (N, S, S, 3), RGB in 0..1, and one-hot targets (N, 2)."""
        order = np.arange(len(self._pictures))
        rng = np.random.default_rng([self._recipe.seed, epoch, number])
        if self._is_training:
            np.random.default_rng([self._recipe.seed, epoch]).shuffle(order)
        rows = order[number * self._recipe.batch : (number + 1) * self._recipe.batch]
        side = self._recipe.input_px
        pictures = np.empty((len(rows), side, side, 3), np.float32)
        for place, row in enumerate(rows):
            picture = cv2.resize(read_picture(self._pictures[row].path), (side, side))
            if self._is_training:
                picture = _changed(np.asarray(picture, np.uint8), rng, self._recipe)
            pictures[place] = picture[..., ::-1].astype(np.float32) / 255
        return pictures, np.eye(len(CLASSES), dtype=np.float32)[self.labels[rows]]


def _changed(
    picture: NDArray[np.uint8], rng: np.random.Generator, recipe: Vgg19Recipe
) -> NDArray[np.uint8]:
    """Zoom, shear and flip about the middle, as Keras's ImageDataGenerator draws them."""
    zoom_x, zoom_y = rng.uniform(1 - recipe.zoom, 1 + recipe.zoom, 2)
    shear = np.deg2rad(rng.uniform(-recipe.shear, recipe.shear))
    # From result to source, as the generator has it: shear, then zoom.
    shearing = np.array([[1, -np.sin(shear)], [0, np.cos(shear)]])
    back = shearing @ np.diag((zoom_x, zoom_y))
    if recipe.flip and rng.random() < 0.5:
        back = back @ np.diag((-1.0, 1.0))
    middle = np.full(2, (picture.shape[0] - 1) / 2)
    matrix = np.concatenate([back, (middle - back @ middle)[:, None]], axis=1)
    changed = cv2.warpAffine(
        picture,
        matrix,
        (picture.shape[1], picture.shape[0]),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(changed, np.uint8)
