"""The thesis's pipeline, with random weights and tiny pictures."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("keras", reason="needs the extra [train]")

import keras

from maskwatch.config import WorkerSettings
from maskwatch.contracts import Verdict
from maskwatch.errors import ConfigError, MediaError, ModelError, StorageError
from maskwatch.geometry import Box
from models.card import read_card
from models.registry import load_classifier
from tests.support.full_disk import refuse
from tests.support.tensorboard import logged
from training.classifier.checkpoint import Checkpoint, load_checkpoint
from training.datasets.folders import folder_pictures
from training.diverged import TrainingDivergedError
from training.vgg19 import train
from training.vgg19.net import build_vgg19
from training.vgg19.pictures import PictureBatches, side_of
from training.vgg19.recipe import BUILTIN_RECIPE, Vgg19Recipe, read_recipe
from training.vgg19.train import Epoch, Vgg19Options, train_vgg19

pytestmark = pytest.mark.filterwarnings("default")  # Keras's engines warn about each other

SMALL = Vgg19Recipe(input_px=32, batch=3, epochs=2)


class KilledError(Exception):
    """Stands for a kill between two epochs."""


@pytest.fixture(scope="module")
def thesis_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train, Validation and Test, each WithMask (blue below) and WithoutMask."""
    folder = tmp_path_factory.mktemp("set")
    rng = np.random.default_rng(0)
    for split, count in (("Train", 3), ("Validation", 1), ("Test", 1)):
        for label in ("WithMask", "WithoutMask"):
            (folder / split / label).mkdir(parents=True)
            for number in range(count):
                picture = rng.integers(90, 220, (40, 40, 3), np.uint8)
                if label == "WithMask":
                    picture[20:] = (200, 120, 40)
                assert cv2.imwrite(str(folder / split / label / f"{number}.webp"), picture)
    return folder


@pytest.fixture(scope="module")
def whole_run(thesis_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Vgg19Options:
    options = Vgg19Options(
        data=thesis_set, folder=tmp_path_factory.mktemp("run"), recipe=SMALL, weights=None
    )
    train_vgg19(options, lambda _: None)
    return options


def test_the_network_has_the_parameters_of_the_thesis() -> None:
    model = build_vgg19(weights=None)
    trained = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    assert model.count_params() == 20_040_770
    assert trained == 16_386
    assert [layer.name.partition("_")[0] for layer in model.layers] == ["vgg19", "flatten", "dense"]
    assert model.layers[0].output.shape[1:] == (4, 4, 512)
    assert model.layers[1].output.shape[1:] == (8192,)


def test_the_recipe_is_that_of_the_thesis() -> None:
    recipe = read_recipe(BUILTIN_RECIPE)
    assert (recipe.input_px, recipe.batch, recipe.epochs) == (128, 32, 20)
    assert (recipe.zoom, recipe.shear, recipe.flip) == (0.2, 0.2, True)


def test_a_run_leaves_history_plot_test_accuracy_and_model(whole_run: Vgg19Options) -> None:
    names = {path.name for path in whole_run.folder.iterdir()}
    assert {"history.json", "history.png", "test.json", "vgg19.keras", "vgg19.json"} <= names
    assert json.loads((whole_run.folder / "recipe.json").read_text())["epochs"] == 2
    assert {step for step, tag in logged(whole_run.folder) if tag == "val_accuracy"} == {1, 2}
    assert len(json.loads((whole_run.folder / "history.json").read_text())) == 2
    figures = json.loads((whole_run.folder / "test.json").read_text())
    assert 0 <= figures["test_accuracy"] <= 1


def test_the_workers_load_the_model_by_its_name_and_it_never_says_incorrect(
    whole_run: Vgg19Options,
) -> None:
    settings = WorkerSettings.model_validate(
        {"classifier": str(whole_run.folder / "vgg19.keras"), "threads": 1}
    )
    classifier = load_classifier(settings)
    picture = np.full((60, 60, 3), 100, np.uint8)
    reading = classifier.read([picture], [[Box(10, 10, 50, 50)]])[0][0]
    assert reading.label in (Verdict.MASK, Verdict.NO_MASK)
    assert reading.probabilities["incorrect"] == 0


def test_the_frozen_part_stays_as_it_was(whole_run: Vgg19Options) -> None:
    keras.utils.set_random_seed(SMALL.seed)
    fresh = build_vgg19(input_px=32, weights=None)
    trained = keras.models.load_model(whole_run.folder / "vgg19.keras", compile=False)
    before, after = fresh.get_weights(), trained.get_weights()
    for old, new in zip(before[:-2], after[:-2], strict=True):
        np.testing.assert_array_equal(old, new)
    assert not np.array_equal(before[-2], after[-2])


def test_a_run_killed_after_an_epoch_goes_on_to_the_same_last_layer(
    whole_run: Vgg19Options, tmp_path: Path
) -> None:
    options = replace(whole_run, folder=tmp_path / "killed")

    def kill(epoch: Epoch) -> None:
        raise KilledError

    with pytest.raises(KilledError):
        train_vgg19(options, kill)
    told: list[Epoch] = []
    train_vgg19(options, told.append)
    assert [epoch.epoch for epoch in told] == [2]
    first, second = (
        keras.models.load_model(folder / "vgg19.keras", compile=False).get_weights()[-2]
        for folder in (whole_run.folder, options.folder)
    )
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_the_card_says_which_split_the_figures_are_from(
    whole_run: Vgg19Options,
) -> None:
    card = read_card(whole_run.folder / "vgg19.json")
    assert card.classes == ("mask", "no_mask")
    assert "the folders' own split, which leaks" in card.notes
    record = json.loads((whole_run.folder / "run.json").read_text())
    assert record["split"] == "original"
    assert record["data_sha256"] == card.data_sha256 != ""


def test_other_pictures_or_another_split_in_the_same_folder_are_refused(
    whole_run: Vgg19Options, thesis_set: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(whole_run.folder / "run.json", folder)
    other = shutil.copytree(thesis_set, tmp_path / "set")
    (other / "Train" / "WithMask" / "0.webp").unlink()
    with pytest.raises(ConfigError, match="other pictures or another split"):
        train_vgg19(replace(whole_run, folder=folder, data=other), lambda _: None)


def test_a_run_killed_before_its_checkpoint_keeps_the_history_whole(
    whole_run: Vgg19Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = replace(whole_run, folder=tmp_path / "killed")
    real = train.save_checkpoint

    def kill(path: Path, checkpoint: Checkpoint) -> None:
        if checkpoint.step == 2:
            raise KilledError
        real(path, checkpoint)

    monkeypatch.setattr(train, "save_checkpoint", kill)
    with pytest.raises(KilledError):
        train_vgg19(options, lambda _: None)
    monkeypatch.undo()
    train_vgg19(options, lambda _: None)
    rows = json.loads((options.folder / "history.json").read_text())
    assert [row["epoch"] for row in rows] == [1, 2]


@pytest.mark.parametrize("name", ["history.png", "vgg19.keras"])
def test_a_full_disk_names_the_file(thesis_set: Path, tmp_path: Path, name: str) -> None:
    options = Vgg19Options(
        data=thesis_set,
        folder=tmp_path,
        recipe=SMALL.model_copy(update={"epochs": 1}),
        weights=None,
    )
    with pytest.MonkeyPatch.context() as patch:
        refuse(patch, name)
        with pytest.raises(StorageError, match=f"{name}: cannot be written .*free some space"):
            train_vgg19(options, lambda _: None)
    assert not (tmp_path / name).exists()


def test_a_loss_that_is_no_number_names_the_batch(
    thesis_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = PictureBatches.batch

    def spoilt(self: PictureBatches, epoch: int, number: int) -> Any:
        pictures, targets = real(self, epoch, number)
        # Not the pictures: some engines' ReLU turns what is no number into zero.
        return pictures, (targets * np.float32("nan") if number == 1 else targets)

    monkeypatch.setattr(train.PictureBatches, "batch", spoilt)
    options = Vgg19Options(data=thesis_set, folder=tmp_path, recipe=SMALL, weights=None)
    with pytest.raises(TrainingDivergedError, match="in batch 1 of epoch 1"):
        train_vgg19(options, lambda _: None)


def test_weights_that_are_no_numbers_after_the_last_batch_are_not_kept(
    thesis_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = keras.Model.train_on_batch

    def spoil(self: keras.Model, *given: Any, **named: Any) -> Any:
        figures = fits(self, *given, **named)
        calls.append(1)
        if len(calls) == 4:  # the last of the second epoch
            self.layers[-1].set_weights([a * np.nan for a in self.layers[-1].get_weights()])
        return figures

    calls: list[int] = []
    monkeypatch.setattr(keras.Model, "train_on_batch", spoil)
    options = Vgg19Options(data=thesis_set, folder=tmp_path, recipe=SMALL, weights=None)
    with pytest.raises(TrainingDivergedError, match="no numbers after batch 1 of epoch 2"):
        train_vgg19(options, lambda _: None)
    assert load_checkpoint(tmp_path / "checkpoint.npz").step == 1
    assert len(json.loads((tmp_path / "history.json").read_text())) == 1


def test_augmented_copies_of_a_face_stay_on_one_side_of_a_split_by_base_face(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(0)
    for number in range(30):
        for name in (f"{number}", f"Augmented_0_{number}", f"Augmented_1_{number}"):
            split = ("Train", "Test")[int(rng.integers(2))]
            folder = tmp_path / split / "WithMask"
            folder.mkdir(parents=True, exist_ok=True)
            picture = rng.integers(0, 255, (16, 16, 3), np.uint8)
            assert cv2.imwrite(str(folder / f"{name}.png"), picture)
    sides: dict[str, set[str]] = {}
    for picture in folder_pictures(tmp_path, keeps_split=False):
        sides.setdefault(picture.path.stem.rpartition("_")[2], set()).add(picture.split)
    assert len(sides) == 30
    assert all(len(splits) == 1 for splits in sides.values())


def test_training_batches_change_with_the_epoch_and_repeat_themselves(thesis_set: Path) -> None:
    pictures = side_of(folder_pictures(thesis_set, keeps_split=True), "train")
    batches = PictureBatches(pictures, SMALL, is_training=True)
    first, targets = batches.batch(0, 0)
    again, _ = batches.batch(0, 0)
    other, _ = batches.batch(1, 0)
    assert first.shape == (3, 32, 32, 3)
    assert targets.sum() == 3
    assert 0 <= first.min() < first.max() <= 1
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_class_missing_from_a_split_is_refused(thesis_set: Path) -> None:
    pictures = folder_pictures(thesis_set, keeps_split=True)
    masked = [picture for picture in pictures if picture.label == "mask"]
    with pytest.raises(MediaError, match="the train split has no picture of no_mask"):
        side_of(masked, "train")


def test_an_empty_class_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Train" / "WithMask").mkdir(parents=True)
    with pytest.raises(MediaError, match="WithMask: no picture in this class"):
        folder_pictures(tmp_path, keeps_split=True)


def test_weights_that_cannot_be_downloaded_are_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(**_: Any) -> None:
        raise Exception("URL fetch failure on https://storage.googleapis.com/…: None")

    monkeypatch.setattr(keras.applications, "VGG19", offline)
    with pytest.raises(ModelError, match=r"cannot be downloaded .*--weights FILE"):
        build_vgg19(weights="imagenet")


def test_a_local_weights_file_that_is_missing_or_no_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        build_vgg19(input_px=32, weights=tmp_path / "gone.weights.h5")
    (tmp_path / "bad.weights.h5").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="not weights of VGG19"):
        build_vgg19(input_px=32, weights=tmp_path / "bad.weights.h5")


def test_a_local_weights_file_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "vgg19.weights.h5"
    model = build_vgg19(input_px=32, weights=None)
    model.layers[0].save_weights(path)
    loaded = build_vgg19(input_px=32, weights=path)
    for old, new in zip(model.layers[0].weights, loaded.layers[0].weights, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(old), keras.ops.convert_to_numpy(new)
        )


@pytest.mark.parametrize(
    ("text", "why"),
    [("batch = 0", "batch"), ("bach = 3", "bach"), ("batch = ", "not TOML")],
)
def test_a_recipe_with_a_mistake_names_it(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "recipe.toml").write_text(text)
    with pytest.raises(ConfigError, match=why):
        read_recipe(tmp_path / "recipe.toml")
