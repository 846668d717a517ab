"""Trains the mask classifier: recipe and crops in, a folder with weights, figures and curves out.

Resuming after a kill repeats no work and changes nothing: a batch depends on the seed and its step,
and the checkpoint holds weights, average and optimiser. Several processes may train together on
PyTorch, see :mod:`training.classifier.together`.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskwatch.contracts import CLASSES
from models.runtimes.onnx import OnnxRuntime
from training import team
from training.classifier.batches import Batch, BatchMaker
from training.classifier.checkpoint import (
    Arrays,
    Checkpoint,
    averaged,
    load_checkpoint,
    save_checkpoint,
)
from training.classifier.crop_cache import CropCache
from training.classifier.doubts import labels_in_doubt
from training.classifier.export import export_classifier
from training.classifier.looks import (
    looks_of,
    network_input,
    predict,
    rows_to_measure,
    still_chances,
)
from training.classifier.measures import CropScores, crop_scores
from training.classifier.net import NetSettings, build_classifier, freeze_first, load_backbone
from training.classifier.recipe import ClassifierRecipe
from training.classifier.together import Together
from training.classifier.weights import save_weights, start_weights
from training.disk import make_folder, write_text_whole
from training.diverged import TrainingDivergedError, all_finite
from training.metrics_file import METRICS_NAME, append_row, cut_back

logger = logging.getLogger(__name__)


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
        self._cache, self._left_out = cache, frozenset(left_out)
        make_folder(folder)
        keras.utils.set_random_seed(recipe.run.seed)
        net = NetSettings(recipe.net.input_px, recipe.net.blocks, recipe.net.dropout, len(CLASSES))
        self._side_px = net.input_px
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
        self._together = Together(self.model, self.optimiser, batch=recipe.run.batch)
        self.average: Arrays = self.model.get_weights()
        self.step = 0
        self._has_doubted = False
        self._batches = BatchMaker(cache, recipe, left_out=left_out)
        self._turns = team.Turns(self._batches.batch)
        self._validation = looks_of(cache, rows_to_measure(cache, "val"), recipe.net.input_px)
        self._take_up()
        cut_back(folder / METRICS_NAME, step=self.step)

    @property
    def checkpoint_path(self) -> Path:
        """The file that a killed run goes on from."""
        return self.folder / "checkpoint.npz"

    @property
    def missing_classes(self) -> list[str]:
        """Classes that no batch holds."""
        return [name for name in CLASSES if name not in self._batches.classes]

    def run(self, tell: Callable[[Progress], None], *, tell_every: int = 25) -> Arrays:
        """Trains to the last step; returns the averaged weights, also written to ``weights.npz``.

        Raises:
            TrainingDivergedError: The loss or a weight became nan or infinite.
            StorageError: The disk refused a file; the last checkpoint is kept.
        """
        run = self.recipe.run
        losses: list[float] = []
        started, first = time.monotonic(), self.step
        while self.step < run.steps:
            if run.doubt_at and self.step >= run.doubt_at and not self._has_doubted:
                with team.first_alone():
                    self._leave_out_doubtful()
            losses.append(self._train_on(self._turns.share(self.step)))
            self.step += 1
            if self.step % run.average_every == 0:
                # Early on the average follows closely, so that it forgets the random start.
                keep = min(run.average, self.step / (self.step + 10 * run.average_every))
                self.average = averaged(self.average, self.model.get_weights(), keep)
            is_last = self.step == run.steps
            saves = self.step % run.save_every == 0 or is_last
            measures = self.step % run.measure_every == 0 or is_last
            if saves or measures:
                self._require_finite()
            scores = self.measure() if measures and team.leads() else None
            if scores is not None or self.step % tell_every == 0:
                pace = (time.monotonic() - started) / (self.step - first)
                left_s = pace * (run.steps - self.step)
                progress = Progress(self.step, run.steps, float(np.mean(losses)), left_s, scores)
                losses.clear()
                if team.leads():
                    self._note(progress)
                    tell(progress)
            if saves and team.leads():
                self._save()
        if team.leads():
            save_weights(self.folder / "weights.npz", self.average)
        return self.average

    def measure(self) -> CropScores | None:
        """Returns the averaged weights' scores on the validation split, None where it is empty."""
        self.plain.set_weights(self.average)
        pictures, labels = self._validation
        if not len(labels):
            return None
        return crop_scores(predict(self.plain, pictures), labels)

    @property
    def doubts_path(self) -> Path:
        """Rows of the cache that were left out from `doubt_at` on, once that is reached."""
        return self.folder / "doubts.json"

    def _leave_out_doubtful(self) -> None:
        """Goes on without the crops whose label the averaged weights contradict.

        A run that was killed later reads which they were: it could not find the same ones anew.
        """
        if not self.doubts_path.exists():
            self._require_finite()
            rows = [
                row
                for row, crop in enumerate(self._cache.crops)
                if crop.split == "train" and row not in self._left_out
            ]
            self.plain.set_weights(self.average)
            exported = self.folder / "average.onnx"
            export_classifier(self.plain, exported)
            # The engine of the workers answers ten times faster than Keras does.
            chances = still_chances(OnnxRuntime(exported), self._cache, rows, self._side_px)
            exported.unlink()
            labels = [self._cache.crops[row].label for row in rows]
            found = labels_in_doubt(chances, labels, sure=self.recipe.run.doubt_from)
            write_text_whole(self.doubts_path, json.dumps([rows[place] for place in found]))
        doubtful = json.loads(self.doubts_path.read_text(encoding="utf-8"))
        logger.info("%d crops whose label is in doubt are left out", len(doubtful))
        self._batches = BatchMaker(
            self._cache, self.recipe, left_out=tuple(self._left_out | set(doubtful))
        )
        self._turns = team.Turns(self._batches.batch)
        self._has_doubted = True

    def _train_on(self, batch: Batch) -> float:
        self.optimiser.learning_rate.assign(learning_rate(self.recipe, self.step))
        if self.recipe.net.dropout:  # Keras makes no generator where nothing is dropped
            # What is dropped depends on the step alone too, so that a resumed run drops the same.
            seed = self.recipe.run.seed + team.rank()
            self._dropout.seed_generator.state.assign([seed, self.step])
        targets = smoothed_targets(batch.labels, self.recipe.run.label_smoothing)
        loss = float(self.model.train_on_batch(network_input(batch.pictures), targets))
        # Keras gives the running mean since the last reset; each step stands for itself here.
        self.model.reset_metrics()
        loss = self._together.after_step(loss)
        if not math.isfinite(loss):
            raise self._diverged(f"loss is {loss} at step {self.step}", batch)
        return loss

    def _require_finite(self) -> None:
        """Refuses to go on with weights that are no numbers, which the next loss would show."""
        if not all_finite([*self.model.get_weights(), *self.average]):
            last = self.step - 1
            what = f"weights are no numbers after step {last}"
            raise self._diverged(what, self._batches.batch(last))

    def _diverged(self, what: str, batch: Batch) -> TrainingDivergedError:
        return TrainingDivergedError(
            f"{what}, batch of {self._batches.names(batch.rows)}; "
            f"the last good checkpoint is {self.checkpoint_path}: lower run.learning_rate"
        )

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
        append_row(self.folder / METRICS_NAME, asdict(progress))
