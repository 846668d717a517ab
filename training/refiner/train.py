"""Trains the refiner: recipe, scenes and candidates in; a folder with weights and curves out.

Resuming after a kill repeats no work and changes nothing: a batch depends on the seed and its step,
and the checkpoint holds weights, average and optimiser.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from maskwatch.errors import MaskwatchError
from training.classifier.checkpoint import (
    Arrays,
    Checkpoint,
    averaged,
    load_checkpoint,
    save_checkpoint,
)
from training.classifier.looks import network_input
from training.classifier.net import freeze_first
from training.refiner.batches import Batch, CutMaker
from training.refiner.loss import refinement_loss
from training.refiner.net import build_refiner, start_blocks
from training.refiner.recipe import RefinerRecipe

if TYPE_CHECKING:
    import keras

logger = logging.getLogger(__name__)

_TELL_EVERY = 50
_GRADIENT_NORM = 20.0


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
    """

    step: int
    steps: int
    loss: float
    left_s: float


def learning_rate(recipe: RefinerRecipe, step: int) -> float:
    """Returns the rate of a step: a linear warm-up, then half a cosine down to a hundredth."""
    run = recipe.run
    if step < run.warm_up_steps:
        return run.learning_rate * (step + 1) / run.warm_up_steps
    done = (step - run.warm_up_steps) / max(1, run.steps - run.warm_up_steps)
    return run.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


class RefinerTraining:
    """One run in one folder."""

    def __init__(
        self, recipe: RefinerRecipe, cuts: CutMaker, folder: Path, *, start: Path | None
    ) -> None:
        """Makes the network and takes up the folder's checkpoint where there is one.

        Args:
            recipe: Everything that decides the result, apart from the pictures.
            cuts: What it learns from.
            folder: Where the run is kept.
            start: An exported mask classifier whose blocks to start from; None: from nothing.
        """
        import keras

        self.recipe, self.folder, self._cuts = recipe, folder, cuts
        keras.utils.set_random_seed(recipe.run.seed)
        self.model = build_refiner(recipe.net, is_for_training=True)
        self._dropout = self.model.get_layer("dropout")
        if start is not None:
            start_blocks(self.model, start)
            freeze_first(self.model, recipe.net.frozen_blocks)
        self.optimiser = keras.optimizers.AdamW(
            recipe.run.learning_rate,
            weight_decay=recipe.run.weight_decay,
            clipnorm=_GRADIENT_NORM,
        )
        self.model.compile(self.optimiser, refinement_loss, jit_compile=False)
        self.optimiser.build(self.model.trainable_variables)
        self.average: Arrays = self.model.get_weights()
        self.step = 0
        self._take_up()

    @property
    def checkpoint_path(self) -> Path:
        """The file that a killed run goes on from."""
        return self.folder / "checkpoint.npz"

    def plain(self) -> keras.Model:
        """The averaged weights in the network that can be exported."""
        model = build_refiner(self.recipe.net)
        model.set_weights(self.average)
        return model

    def run(self, tell: Callable[[Progress], None]) -> None:
        """Trains to the last step.

        Raises:
            TrainingDivergedError: The loss became nan or infinite.
            CheckpointError: The disk refused a checkpoint.
        """
        run = self.recipe.run
        losses: list[float] = []
        started, first = time.monotonic(), self.step
        # The next batch is cut while the network learns from this one.
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(self._cuts.batch, self.step)
            while self.step < run.steps:
                batch = coming.result()
                coming = pool.submit(self._cuts.batch, self.step + 1)
                losses.append(self._train_on(batch))
                self.step += 1
                if self.step % run.average_every == 0:
                    # Early on the average follows closely, so that it forgets the start.
                    keep = min(run.average, self.step / (self.step + 10 * run.average_every))
                    self.average = averaged(self.average, self.model.get_weights(), keep)
                is_last = self.step == run.steps
                if self.step % _TELL_EVERY == 0 or is_last:
                    pace = (time.monotonic() - started) / (self.step - first)
                    left_s = pace * (run.steps - self.step)
                    self._note(Progress(self.step, run.steps, float(np.mean(losses)), left_s), tell)
                    losses.clear()
                if self.step % run.save_every == 0 or is_last:
                    self._save()

    def _train_on(self, batch: Batch) -> float:
        self.optimiser.learning_rate.assign(learning_rate(self.recipe, self.step))
        # What is dropped depends on the step alone too, so that a resumed run drops the same.
        self._dropout.seed_generator.state.assign([self.recipe.run.seed, self.step])
        loss = float(self.model.train_on_batch(network_input(batch.pictures), batch.truths))
        self.model.reset_metrics()
        if not math.isfinite(loss):
            raise TrainingDivergedError(
                f"loss is {loss} at step {self.step}, batch of {', '.join(batch.files[:3])}, …; "
                f"the last good checkpoint is {self.checkpoint_path}: lower run.learning_rate"
            )
        return loss

    def _note(self, progress: Progress, tell: Callable[[Progress], None]) -> None:
        row = {"step": progress.step, "loss": round(progress.loss, 5)}
        with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        tell(progress)

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
