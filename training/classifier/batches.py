"""Batches for the classifier: which crops, seen how. The same seed and step give the same batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwatch.contracts import CLASSES
from maskwatch.errors import ConfigError
from models.crops import DEFAULT_SPAN
from training.augment.camera import take_look
from training.augment.masks import Wearing, can_wear, draw_mask
from training.augment.prints import reprinted
from training.classifier.crop_cache import CACHE_SIDE_PX, CACHE_SPAN, Crop, CropCache
from training.classifier.recipe import DRAWN, PRINTED, ClassifierRecipe

_THESIS_SET = "face_mask_12k"
# Faces below this height are too coarse for a drawn mask to look like one.
_DRAWABLE_HEIGHT_PX = 36.0
_WORN_WRONGLY = (Wearing.NOSE_OUT, Wearing.NOSE_OUT, Wearing.CHIN, Wearing.ONE_EAR)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step of training sees.

    Attributes:
        pictures: uint8 (N, side, side, 3), BGR.
        labels: Class numbers (N,).
        rows: The crops' rows in the cache (N,), to name them in errors.
    """

    pictures: NDArray[np.uint8]
    labels: NDArray[np.int64]
    rows: NDArray[np.int64]

    def part(self, rank: int, size: int) -> Batch:
        """Every ``size``-th crop from ``rank`` on; the rows stay all, to name them in errors."""
        return Batch(self.pictures[rank::size], self.labels[rank::size], self.rows)


@dataclass(frozen=True, slots=True)
class _Stratum:
    label: str
    pool: str
    share: float
    rows: NDArray[np.int64]


def pool_of(crop: Crop) -> str:
    """Returns the name in ``[shares.*]`` under which a crop is drawn."""
    if crop.is_from_scene:
        return "faces"
    return _THESIS_SET if crop.source == _THESIS_SET else "crops"


class BatchMaker:
    """Draws batches from the crops of the training split by the recipe's shares.

    Attributes:
        classes: Names of the classes that batches hold.
    """

    def __init__(
        self, cache: CropCache, recipe: ClassifierRecipe, *, left_out: Sequence[int] = ()
    ) -> None:
        """Sorts the crops into strata.

        Args:
            cache: Where the crops are.
            recipe: Shares, sizes and strengths.
            left_out: Rows not to train on, for example near-duplicates of test pictures.

        Raises:
            ConfigError: No crop at all, or only one class, is left to train on.
        """
        self._cache = cache
        self._recipe = recipe
        self._camera = recipe.camera.settings()
        self._strata = self._sorted(frozenset(left_out))
        self.classes = sorted({stratum.label for stratum in self._strata})
        if len(self.classes) < 2:
            raise ConfigError(
                "training needs two classes or more and found "
                f"{self.classes or 'none'}; check --data"
            )
        shares = np.array([stratum.share for stratum in self._strata])
        self._chances = shares / shares.sum()

    def batch(self, step: int) -> Batch:
        """Returns the batch of a step, always the same one for the same recipe and crops."""
        rng = np.random.default_rng([self._recipe.run.seed, step])
        side = self._recipe.net.input_px
        count = self._recipe.run.batch
        pictures = np.empty((count, side, side, 3), np.uint8)
        labels = np.empty(count, np.int64)
        rows = np.empty(count, np.int64)
        for place, number in enumerate(rng.choice(len(self._strata), count, p=self._chances)):
            stratum = self._strata[number]
            row = int(stratum.rows[rng.integers(len(stratum.rows))])
            wide = np.asarray(self._cache.pixels[row])
            if stratum.pool == DRAWN:
                wide = self._with_mask(wide, row, stratum.label, rng)
            elif stratum.pool == PRINTED:
                wide = reprinted(wide, CACHE_SIDE_PX / CACHE_SPAN, rng)
            pictures[place] = take_look(
                wide, rng, self._camera, side_px=side, span=DEFAULT_SPAN, wide_span=CACHE_SPAN
            )
            labels[place] = CLASSES.index(stratum.label)
            rows[place] = row
        return Batch(pictures, labels, rows)

    def names(self, rows: NDArray[np.int64], limit: int = 3) -> str:
        """Names the first crops of a batch, for an error message."""
        files = [f"{self._cache.crops[row].source}/{self._cache.crops[row].file}" for row in rows]
        more = f" and {len(files) - limit} more" if len(files) > limit else ""
        return ", ".join(files[:limit]) + more

    def _with_mask(
        self, wide: NDArray[np.uint8], row: int, label: str, rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        wearing = Wearing.WELL
        if label == "incorrect":
            wearing = _WORN_WRONGLY[rng.integers(len(_WORN_WRONGLY))]
        return draw_mask(wide, _landmarks(self._cache, row), wearing, rng)

    def _sorted(self, left_out: frozenset[int]) -> list[_Stratum]:
        places: dict[tuple[str, str], list[int]] = {}
        drawable: list[int] = []
        for row, crop in enumerate(self._cache.crops):
            if crop.split != "train" or row in left_out:
                continue
            places.setdefault((pool_of(crop), crop.label), []).append(row)
            is_large = crop.label == "no_mask" and crop.height_px >= _DRAWABLE_HEIGHT_PX
            if is_large and crop.landmarks and can_wear(_landmarks(self._cache, row)):
                drawable.append(row)
        printable = places.get(("faces", "mask"), []) + places.get(("crops", "mask"), [])
        strata = []
        for label, sources in self._recipe.shares.items():
            for pool, share in sources.items():
                rows = {DRAWN: drawable, PRINTED: printable}.get(
                    pool, places.get((pool, label), [])
                )
                if rows and share > 0:
                    strata.append(_Stratum(label, pool, share, np.array(rows, np.int64)))
        return strata


def _landmarks(cache: CropCache, row: int) -> NDArray[np.float32]:
    return np.array(cache.crops[row].landmarks, np.float32).reshape(5, 2)
