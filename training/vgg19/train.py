"""Trains the thesis's classifier and leaves a model that the workers load by its name."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from models.card import Card, InputPart, file_sha256, write_card
from training.classifier.checkpoint import (
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from training.datasets.folders import folder_pictures
from training.disk import disk_errors, make_folder, write_text_whole, written_whole
from training.diverged import TrainingDivergedError, all_finite
from training.gpus import gpus_present, tell_of_idle_gpus
from training.tensorboard_log import TensorboardLog
from training.vgg19.net import CLASSES, IMAGENET, build_vgg19
from training.vgg19.pictures import PictureBatches, side_of
from training.vgg19.recipe import Vgg19Recipe
from training.vgg19.record import pictures_hash, write_record

if TYPE_CHECKING:
    import keras

MODEL_NAME = "vgg19.keras"
# The 12K set's pictures show this much of the face's surroundings.
_SPAN = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Vgg19Options:
    """What a person says on the command line.

    Attributes:
        data: Holds Train, Validation and Test, each with WithMask and WithoutMask.
        folder: Where the run is kept.
        recipe: Settings.
        weights: Start of VGG19; see `build_vgg19`.
        keeps_split: The folders' own split; else one by base face.
    """

    data: Path
    folder: Path
    recipe: Vgg19Recipe
    weights: str | Path | None = IMAGENET
    keeps_split: bool = True


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch gave.

    Attributes:
        epoch: 1, 2 …
        epochs: In all.
        loss: Mean over the training batches.
        accuracy: Over the training pictures as they were changed.
        val_loss: On the validation split.
        val_accuracy: On the validation split.
        left_s: Estimated seconds to the end.
    """

    epoch: int
    epochs: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    left_s: float


def train_vgg19(
    options: Vgg19Options,
    tell: Callable[[Epoch], None],
    tell_batch: Callable[[int, int], None] = lambda _done, _all: None,
) -> dict[str, float]:
    """Trains to the last epoch and returns the figures on the test split.

    Leaves ``recipe.json``, ``run.json``, ``vgg19.keras`` with its card, ``history.json``,
    ``history.png``, ``test.json`` and a TensorBoard log. Only the last layer trains, so a
    checkpoint holds that layer alone; a killed run goes on after its last whole epoch.

    Args:
        options: What to train on, and where.
        tell: Called after each epoch.
        tell_batch: Called after each batch with the number done and of all in the epoch.

    Raises:
        ConfigError: The folder holds a run on other pictures or another split.
        MediaError: The pictures cannot be used.
        ModelError: VGG19's weights cannot be had.
        TrainingDivergedError: The loss or a weight became nan or infinite.
        StorageError: The disk refused a file; the last checkpoint is kept.
    """
    import keras

    recipe = options.recipe
    tell_of_idle_gpus(gpus_present())
    keras.utils.set_random_seed(recipe.seed)
    pictures = folder_pictures(options.data, keeps_split=options.keeps_split)
    batches = {
        split: PictureBatches(side_of(pictures, split), recipe, is_training=split == "train")
        for split in ("train", "val", "test")
    }
    model = build_vgg19(input_px=recipe.input_px, weights=options.weights)
    make_folder(options.folder)
    data_sha256 = pictures_hash(options.data, pictures)
    write_record(options, data_sha256)
    model.compile(
        keras.optimizers.Adam(recipe.learning_rate),
        keras.losses.CategoricalCrossentropy(),
        metrics=["accuracy"],
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)
    checkpoint = options.folder / "checkpoint.npz"
    done = _take_up(model, checkpoint)
    history = _history(options.folder)[:done]
    log = TensorboardLog(options.folder)
    started = time.monotonic()
    for epoch in range(done, recipe.epochs):
        loss, accuracy = _train_epoch(model, batches["train"], epoch, checkpoint, tell_batch)
        val_loss, val_accuracy = _measure(model, batches["val"])
        pace = (time.monotonic() - started) / (epoch + 1 - done)
        left_s = pace * (recipe.epochs - epoch - 1)
        history.append(
            Epoch(epoch + 1, recipe.epochs, loss, accuracy, val_loss, val_accuracy, left_s)
        )
        # History first: the checkpoint decides how much of it a resumed run keeps.
        _write_history(options.folder, history)
        _keep(model, checkpoint, epoch + 1)
        log.add(epoch + 1, _figures(history[-1]))
        tell(history[-1])
    test_loss, test_accuracy = _measure(model, batches["test"])
    figures = {"test_loss": test_loss, "test_accuracy": test_accuracy}
    write_text_whole(options.folder / "test.json", json.dumps(figures, indent=1))
    _save(model, options, figures, data_sha256)
    return figures


def _train_epoch(
    model: keras.Model,
    batches: PictureBatches,
    epoch: int,
    checkpoint: Path,
    tell_batch: Callable[[int, int], None],
) -> tuple[float, float]:
    losses, accuracies = [], []
    for number in range(len(batches)):
        pictures, targets = batches.batch(epoch, number)
        figures = model.train_on_batch(pictures, targets, return_dict=True)
        model.reset_metrics()
        loss = float(figures["loss"])
        if not math.isfinite(loss):
            raise _diverged(f"loss is {loss} in batch {number} of epoch {epoch + 1}", checkpoint)
        losses.append(loss)
        accuracies.append(float(figures["accuracy"]))
        tell_batch(number + 1, len(batches))
    # The last batch's loss is from before its step; what the step left is looked at here.
    if not all_finite(model.layers[-1].get_weights()):
        raise _diverged(
            f"weights are no numbers after batch {number} of epoch {epoch + 1}", checkpoint
        )
    return float(np.mean(losses)), float(np.mean(accuracies))


def _diverged(what: str, checkpoint: Path) -> TrainingDivergedError:
    return TrainingDivergedError(
        f"{what}; the last good checkpoint is {checkpoint}: lower learning_rate in the recipe"
    )


def _measure(model: keras.Model, batches: PictureBatches) -> tuple[float, float]:
    """Mean loss and share right; a picture weighs the same in the last, smaller batch."""
    losses, hits = 0.0, 0
    for number in range(len(batches)):
        pictures, targets = batches.batch(0, number)
        answers = np.asarray(model.predict_on_batch(pictures), np.float64)
        chances = answers / np.maximum(answers.sum(1, keepdims=True), 1e-7)
        losses -= float(np.log(np.maximum((chances * targets).sum(1), 1e-7)).sum())
        hits += int((answers.argmax(1) == targets.argmax(1)).sum())
    count = len(batches.labels)
    return losses / count, hits / count


def _keep(model: keras.Model, path: Path, epoch: int) -> None:
    import keras

    optimiser = [keras.ops.convert_to_numpy(item) for item in model.optimizer.variables]
    save_checkpoint(path, Checkpoint(epoch, model.layers[-1].get_weights(), [], optimiser))


def _take_up(model: keras.Model, path: Path) -> int:
    """Gives the model the checkpoint's state, if any, and returns the epochs done."""
    if not path.exists():
        return 0
    stored = load_checkpoint(path)
    model.layers[-1].set_weights(stored.weights)
    for variable, array in zip(model.optimizer.variables, stored.optimiser, strict=True):
        variable.assign(array)
    return stored.step


def _history(folder: Path) -> list[Epoch]:
    path = folder / "history.json"
    if not path.exists():
        return []
    return [Epoch(**row) for row in json.loads(path.read_text(encoding="utf-8"))]


def _figures(epoch: Epoch) -> dict[str, float]:
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    return {name: getattr(epoch, name) for name in names}


def _write_history(folder: Path, history: Sequence[Epoch]) -> None:
    rows: list[dict[str, Any]] = [asdict(epoch) for epoch in history]
    write_text_whole(folder / "history.json", json.dumps(rows, indent=1))
    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        numbers = [epoch.epoch for epoch in history]
        axes.plot(numbers, [getattr(epoch, name) for epoch in history], marker=".", label="train")
        validation = [getattr(epoch, f"val_{name}") for epoch in history]
        axes.plot(numbers, validation, marker=".", label="validation")
        axes.set(xlabel="epoch", title=name)
        axes.legend()
    with written_whole(folder / "history.png") as partial:
        figure.savefig(partial, dpi=100)


def _save(
    model: keras.Model,
    options: Vgg19Options,
    figures: dict[str, float],
    data_sha256: str,
) -> None:
    path = options.folder / MODEL_NAME
    with written_whole(path) as partial:
        model.save(partial)
    split = "the folders' own split, which leaks" if options.keeps_split else "split by base face"
    card = Card(
        name="thesis VGG19",
        task="mask_classifier",
        engine="keras",
        file=path.name,
        sha256=file_sha256(path),
        input=InputPart(
            size_px=options.recipe.input_px,
            layout="nhwc",
            dtype="float32",
            colour="rgb",
            scale=1 / 255,
        ),
        classes=CLASSES,
        output="probabilities",
        span=_SPAN,
        parameters=int(model.count_params()),
        trained_on=(options.data.name,),
        data_sha256=data_sha256,
        metrics={name: round(value, 4) for name, value in figures.items()},
        notes=(split, "two classes: a mask worn incorrectly is never seen"),
    )
    with disk_errors(path.with_suffix(".json")):
        write_card(card, path.with_suffix(".json"))
