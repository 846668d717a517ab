"""Trains the mask classifier: recipe and crops in, a folder with weights, figures and curves out.

Resuming after a kill repeats no work and changes nothing: a batch depends on the seed and its step,
and the checkpoint holds weights, average and optimiser.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from maskwatch.contracts import CLASSES
from maskwatch.errors import MaskwatchError
from models.crops import DEFAULT_SPAN
from training.augment.camera import central_cut
from training.classifier.batches import Batch, BatchMaker
from training.classifier.checkpoint import (
    Arrays,
    Checkpoint,
    averaged,
    load_checkpoint,
    save_arrays,
    save_checkpoint,
)
from training.classifier.crop_cache import CACHE_SPAN, CropCache
from training.classifier.export import load_exported
from training.classifier.measures import CropScores, crop_scores
from training.classifier.net import NetSettings, build_classifier, freeze_first, load_backbone
from training.classifier.recipe import ClassifierRecipe

if TYPE_CHECKING:
    import keras

logger = logging.getLogger(__name__)

_PREDICT_BATCH = 128


class TrainingDivergedError(MaskwatchError):
    """The loss is no number any more; the last good checkpoint is kept."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        step: Steps done.
        steps: Steps in all.
        loss: Mean loss since the last report.
        left_s: Estimated seconds to the end.
        scores: Of the averaged weights on the validation split, at every measurement.
    """

    step: int
    steps: int
    loss: float
    left_s: float
    scores: CropScores | None


def network_input(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns uint8 BGR pictures (N, S, S, 3) as the network wants them: RGB, -1..1."""
    return pictures[..., ::-1].astype(np.float32) / np.float32(127.5) - np.float32(1)


def still_look(wide: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    """Returns the classifier's own cut of a cached crop, unchanged otherwise."""
    return central_cut(wide, side_px=side_px, share=DEFAULT_SPAN / CACHE_SPAN)


def learning_rate(recipe: ClassifierRecipe, step: int) -> float:
    """Returns the rate of a step: a linear warm-up, then half a cosine down to a hundredth."""
    run = recipe.run
    if step < run.warm_up_steps:
        return run.learning_rate * (step + 1) / run.warm_up_steps
    done = (step - run.warm_up_steps) / max(1, run.steps - run.warm_up_steps)
    return run.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def smoothed_targets(labels: NDArray[np.int64], smoothing: float) -> NDArray[np.float32]:
    """Returns one-hot targets (N, C) that give up `smoothing` to all classes alike."""
    hot = np.eye(len(CLASSES), dtype=np.float32)[labels]
    return hot * np.float32(1 - smoothing) + np.float32(smoothing / len(CLASSES))


class ClassifierTraining:
    """One run in one folder."""

    def __init__(
        self,
        recipe: ClassifierRecipe,
        cache: CropCache,
        folder: Path,
        *,
        left_out: tuple[int, ...] = (),
        start_from: Path | None = None,
    ) -> None:
        """Makes the network and takes up the folder's checkpoint where there is one.

        Args:
            recipe: Everything that decides the result, apart from the pictures.
            cache: Crops of all splits; only `train` trains and only `val` is measured.
            folder: Where the run is kept; made if absent.
            left_out: Rows of the cache not to train on.
            start_from: Weights to fine-tune: ``weights.npz`` of a run, or an exported ``.onnx``.
        """
        import keras

        self.recipe, self.folder = recipe, folder
        folder.mkdir(parents=True, exist_ok=True)
        keras.utils.set_random_seed(recipe.run.seed)
        net = NetSettings(recipe.net.input_px, recipe.net.blocks, recipe.net.dropout, len(CLASSES))
        self.model = build_classifier(net, is_for_training=True)
        self.plain = build_classifier(net)
        self._dropout = self.model.get_layer("dropout")
        if recipe.net.backbone:
            load_backbone(self.model, Path(recipe.net.backbone))
            freeze_first(self.model, recipe.net.frozen_blocks)
        if start_from is not None:
            start_weights(self.model, start_from)
        self.optimiser = keras.optimizers.AdamW(
            recipe.run.learning_rate, weight_decay=recipe.run.weight_decay, clipnorm=5.0
        )
        self.model.compile(
            self.optimiser,
            keras.losses.CategoricalCrossentropy(from_logits=True),
            jit_compile=False,
        )
        self.optimiser.build(self.model.trainable_variables)
        self.average: Arrays = self.model.get_weights()
        self.step = 0
        self._batches = BatchMaker(cache, recipe, left_out=left_out)
        self._validation = looks_of(cache, rows_to_measure(cache, "val"), recipe.net.input_px)
        self._take_up()

    @property
    def checkpoint_path(self) -> Path:
        """The file that a killed run goes on from."""
        return self.folder / "checkpoint.npz"

    def run(self, tell: Callable[[Progress], None], *, tell_every: int = 25) -> Arrays:
        """Trains to the last step; returns the averaged weights, also written to ``weights.npz``.

        Raises:
            TrainingDivergedError: The loss became nan or infinite.
            CheckpointError: The disk refused a checkpoint.
        """
        run = self.recipe.run
        losses: list[float] = []
        started, first = time.monotonic(), self.step
        while self.step < run.steps:
            losses.append(self._train_on(self._batches.batch(self.step)))
            self.step += 1
            if self.step % run.average_every == 0:
                # Early on the average follows closely, so that it forgets the random start.
                keep = min(run.average, self.step / (self.step + 10 * run.average_every))
                self.average = averaged(self.average, self.model.get_weights(), keep)
            is_last = self.step == run.steps
            scores = None
            if self.step % run.measure_every == 0 or is_last:
                scores = self.measure()
            if scores is not None or self.step % tell_every == 0:
                pace = (time.monotonic() - started) / (self.step - first)
                left_s = pace * (run.steps - self.step)
                progress = Progress(self.step, run.steps, float(np.mean(losses)), left_s, scores)
                losses.clear()
                self._note(progress)
                tell(progress)
            if self.step % run.save_every == 0 or is_last:
                self._save()
        save_weights(self.folder / "weights.npz", self.average)
        return self.average

    def measure(self) -> CropScores | None:
        """Returns the averaged weights' scores on the validation split, None where it is empty."""
        self.plain.set_weights(self.average)
        pictures, labels = self._validation
        if not len(labels):
            return None
        return crop_scores(predict(self.plain, pictures), labels)

    def _train_on(self, batch: Batch) -> float:
        self.optimiser.learning_rate.assign(learning_rate(self.recipe, self.step))
        # What is dropped depends on the step alone too, so that a resumed run drops the same.
        self._dropout.seed_generator.state.assign([self.recipe.run.seed, self.step])
        targets = smoothed_targets(batch.labels, self.recipe.run.label_smoothing)
        loss = float(self.model.train_on_batch(network_input(batch.pictures), targets))
        # Keras gives the running mean since the last reset; each step stands for itself here.
        self.model.reset_metrics()
        if not math.isfinite(loss):
            raise TrainingDivergedError(
                f"loss is {loss} at step {self.step}, batch of {self._batches.names(batch.rows)}; "
                f"the last good checkpoint is {self.checkpoint_path}: lower run.learning_rate"
            )
        return loss

    def _take_up(self) -> None:
        if not self.checkpoint_path.exists():
            return
        stored = load_checkpoint(self.checkpoint_path)
        self.model.set_weights(stored.weights)
        self.average = stored.average
        for variable, array in zip(self.optimiser.variables, stored.optimiser, strict=True):
            variable.assign(array)
        self.step = stored.step
        logger.info("resuming %s at step %d", self.folder, self.step)

    def _save(self) -> None:
        import keras

        arrays = [keras.ops.convert_to_numpy(variable) for variable in self.optimiser.variables]
        save_checkpoint(
            self.checkpoint_path,
            Checkpoint(self.step, self.model.get_weights(), self.average, arrays),
        )

    def _note(self, progress: Progress) -> None:
        with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(progress)) + "\n")


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


def save_weights(path: Path, weights: Arrays) -> None:
    """Writes weights in Keras's order, atomically."""
    save_arrays(path, {f"weights_{number:04d}": array for number, array in enumerate(weights)})


def start_weights(model: keras.Model, path: Path) -> None:
    """Gives a network the weights of another run, or of an exported file.

    Raises:
        MaskwatchError: The file is missing, damaged or of another network.
    """
    if path.suffix == ".onnx":
        load_exported(model, path)
    else:
        model.set_weights(load_weights(path, model))


def load_weights(path: Path, model: keras.Model) -> Arrays:
    """Reads what `save_weights` wrote and checks it against the network.

    Raises:
        MaskwatchError: The file is missing, damaged or of another network.
    """
    from training.classifier.checkpoint import CheckpointError, numbered

    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = numbered({key: stored[key] for key in stored.files}, "weights")
    except (OSError, ValueError) as error:
        raise CheckpointError(f"weights {path}: cannot be read ({error})") from error
    shapes = [tuple(array.shape) for array in arrays]
    wanted = [tuple(array.shape) for array in model.get_weights()]
    if shapes != wanted:
        raise CheckpointError(
            f"weights {path}: of another network; use the recipe they were trained with"
        )
    return arrays
