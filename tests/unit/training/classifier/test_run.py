"""A whole run, small: from pictures to weights that the product loads."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs the extra [train]")
pytest.importorskip("onnx", reason="needs the extra [train]")

from maskwatch.errors import ConfigError, MediaError
from models.mask_classifier import MaskClassifier
from tests.support.tensorboard import logged
from tests.unit.training.classifier.runs import assert_same_weights, spoil_weights_at
from training.classifier import train
from training.classifier.batches import Batch, BatchMaker
from training.classifier.checkpoint import (
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
)
from training.classifier.crop_cache import CropCache, open_cache
from training.classifier.recipe import read_recipe
from training.classifier.run import RunOptions, train_in_folder
from training.classifier.train import (
    ClassifierTraining,
    Progress,
    learning_rate,
)
from training.diverged import TrainingDivergedError

pytestmark = pytest.mark.filterwarnings("default")  # Keras's engines warn about each other


class KilledError(Exception):
    """Stands for a kill between two steps."""


def test_a_run_leaves_recipe_data_hash_metrics_curves_weights_and_card(
    whole_run: tuple[RunOptions, list[Progress]],
) -> None:
    options, told = whole_run
    assert told[-1].step == told[-1].steps == 12
    assert told[-1].left_s == 0
    assert told[-1].scores is not None
    names = {path.name for path in options.folder.iterdir()}
    assert {"recipe.json", "run.json", "metrics.jsonl", "curves.png", "weights.npz"} <= names
    assert len(json.loads((options.folder / "run.json").read_text())["data_sha256"]) == 64
    classifier = MaskClassifier.load(options.folder / "mask_classifier.json", threads=1)
    assert classifier.card.input.size_px == 32
    assert set(classifier.card.metrics) == {"val", "test"}
    assert {tag for step, tag in logged(options.folder) if step == 12} == {
        "loss",
        "mask_vs_none",
        "macro_f1",
    }


def test_a_run_killed_midway_goes_on_to_the_same_weights(
    whole_run: tuple[RunOptions, list[Progress]], tmp_path: Path
) -> None:
    whole = whole_run[0]

    def kill(progress: Progress) -> None:
        if progress.step == 6:  # after the checkpoint of step 4
            raise KilledError

    options = replace(whole, folder=tmp_path / "killed")
    with pytest.raises(KilledError):
        train_in_folder(options, kill)
    assert load_checkpoint(options.folder / "checkpoint.npz").step == 4
    metrics = options.folder / "metrics.jsonl"
    with metrics.open("a") as file:
        file.write('{"step": 7, "lo')  # killed while it wrote
    train_in_folder(options, lambda _: None)
    assert [json.loads(line)["step"] for line in metrics.read_text().splitlines()] == [6, 12]

    assert_same_weights(whole.folder, options.folder)


def test_labels_that_the_network_contradicts_are_left_out_from_the_given_step_on(
    whole_run: tuple[RunOptions, list[Progress]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = open_cache(whole_run[0].folder / "crops")
    recipe = read_recipe(whole_run[0].recipe or Path())
    later = BatchMaker(cache, recipe).batch(recipe.run.doubt_at)
    wrong = next(row for row in later.rows.tolist() if cache.crops[row].label == "mask")

    def sure_of_the_opposite(
        runtime: object, cache: CropCache, rows: list[int], side_px: int
    ) -> np.ndarray:
        return np.array([[0.02, 0.96, 0.02] if row == wrong else [0.4, 0.3, 0.3] for row in rows])

    monkeypatch.setattr(train, "still_chances", sure_of_the_opposite)
    run = ClassifierTraining(recipe, cache, tmp_path / "run")
    drawn: list[set[int]] = []
    real = BatchMaker.batch

    def noted(maker: BatchMaker, step: int) -> Batch:
        batch = real(maker, step)
        drawn.append(set(batch.rows.tolist()))
        return batch

    monkeypatch.setattr(BatchMaker, "batch", noted)
    run.run(lambda _: None)
    assert json.loads(run.doubts_path.read_text()) == [wrong]
    assert wrong not in set().union(*drawn[recipe.run.doubt_at :])


def test_fine_tuning_starts_from_the_exported_weights(
    whole_run: tuple[RunOptions, list[Progress]], tmp_path: Path
) -> None:
    first = whole_run[0].folder
    cache = open_cache(first / "crops")
    recipe = read_recipe(whole_run[0].recipe or Path())
    tuned = ClassifierTraining(
        recipe, cache, tmp_path / "tuned", start_from=first / "mask_classifier.onnx"
    )
    with np.load(first / "weights.npz") as old:
        # The last bias ships shifted to the classes' real shares.
        names = sorted(old.files)[:-1]
        for name, array in zip(names, tuned.model.get_weights()[:-1], strict=True):
            np.testing.assert_array_equal(old[name], array)


def test_weights_of_another_network_are_refused(scenes: Path, recipe: Path, tmp_path: Path) -> None:
    options = RunOptions(
        data=[scenes], folder=tmp_path / "run", recipe=recipe, start=Path("builtin")
    )
    with pytest.raises(Exception, match="of another network"):
        train_in_folder(options, lambda _: None)


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(
    scenes: Path, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = train.network_input
    calls = []

    def spoilt(pictures: np.ndarray) -> np.ndarray:
        calls.append(1)
        good = real(pictures)
        return good * np.float32("nan") if len(calls) == 6 else good

    monkeypatch.setattr(train, "network_input", spoilt)
    out = tmp_path / "run"
    with pytest.raises(TrainingDivergedError, match=r"step 5, batch of made-up/\d+\.png") as caught:
        train_in_folder(RunOptions(data=[scenes], folder=out, recipe=recipe), lambda _: None)
    assert "checkpoint.npz" in str(caught.value)
    kept = load_checkpoint(out / "checkpoint.npz")
    assert kept.step == 4
    assert all(np.isfinite(array).all() for array in kept.weights)


@pytest.mark.parametrize("step", [7, 11])  # before the save at step 8, and before the last one
def test_weights_that_a_step_spoils_are_neither_saved_nor_exported(
    whole_run: tuple[RunOptions, list[Progress]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
) -> None:
    cache = open_cache(whole_run[0].folder / "crops")
    run = ClassifierTraining(read_recipe(whole_run[0].recipe or Path()), cache, tmp_path)
    spoil_weights_at(run, step, monkeypatch)
    said = rf"weights are no numbers after step {step}, batch of made-up/\d+\.png"
    with pytest.raises(TrainingDivergedError, match=said):
        run.run(lambda _: None)
    kept = load_checkpoint(run.checkpoint_path)
    assert kept.step == step // 4 * 4
    assert all(np.isfinite(array).all() for array in (*kept.weights, *kept.average))
    assert not (tmp_path / "weights.npz").exists()


def test_a_spoilt_step_before_labels_are_doubted_doubts_none(
    whole_run: tuple[RunOptions, list[Progress]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = open_cache(whole_run[0].folder / "crops")
    run = ClassifierTraining(read_recipe(whole_run[0].recipe or Path()), cache, tmp_path)
    spoil_weights_at(run, 4, monkeypatch)  # labels are doubted from step 5 on
    with pytest.raises(TrainingDivergedError, match="after step 4"):
        run.run(lambda _: None)
    assert not run.doubts_path.exists()


def test_a_checkpoint_of_weights_that_are_no_numbers_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c.npz", Checkpoint(4, [np.array([1.0, np.inf])], [], []))
    with pytest.raises(CheckpointError, match="no numbers; delete it to start anew"):
        load_checkpoint(tmp_path / "c.npz")


def test_another_data_set_in_the_same_folder_is_refused(
    scenes: Path, recipe: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "run.json").write_text(json.dumps({"data_sha256": "0" * 64}))
    with pytest.raises(ConfigError, match="other pictures or labels"):
        train_in_folder(RunOptions(data=[scenes], folder=out, recipe=recipe), lambda _: None)


def test_a_resumed_run_notices_other_data_although_its_crops_are_cut(
    scenes: Path, recipe: Path, tmp_path: Path
) -> None:
    options = RunOptions(data=[scenes], folder=tmp_path / "run", recipe=recipe)

    def kill(progress: Progress) -> None:
        raise KilledError

    with pytest.raises(KilledError):
        train_in_folder(options, kill)
    labels = scenes / "labels.jsonl"
    labels.write_text("\n".join(labels.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(ConfigError, match="other pictures or labels"):
        train_in_folder(options, kill)


def test_a_resumed_run_notices_a_replaced_picture(
    whole_run: tuple[RunOptions, list[Progress]], tmp_path: Path
) -> None:
    options = replace(
        whole_run[0], folder=tmp_path / "run", data=[tmp_path / whole_run[0].data[0].name]
    )
    shutil.copytree(whole_run[0].folder, options.folder)
    shutil.copytree(whole_run[0].data[0], options.data[0], copy_function=shutil.copy)  # new times
    shutil.copy(options.data[0] / "1.png", options.data[0] / "0.png")
    with pytest.raises(ConfigError, match=r"0\.png changed since; put the old ones back"):
        train_in_folder(options, lambda _: None)


def test_pictures_without_any_face_are_refused(scenes: Path, recipe: Path, tmp_path: Path) -> None:
    labels = scenes / "labels.jsonl"
    rows = [json.loads(line) | {"boxes": []} for line in labels.read_text().splitlines()]
    labels.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(MediaError, match="no labelled face"):
        train_in_folder(
            RunOptions(data=[scenes], folder=tmp_path / "run", recipe=recipe), lambda _: None
        )


def test_one_class_only_is_refused(scenes: Path, recipe: Path, tmp_path: Path) -> None:
    labels = scenes / "labels.jsonl"
    lines = [line for line in labels.read_text().splitlines() if '"mask"]' in line]
    labels.write_text("\n".join(lines) + "\n")
    with pytest.raises(ConfigError, match=r"two classes or more and found \['mask'\]"):
        train_in_folder(
            RunOptions(data=[scenes], folder=tmp_path / "run", recipe=recipe), lambda _: None
        )


def test_a_damaged_checkpoint_says_how_to_go_on(scenes: Path, recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "checkpoint.npz").write_bytes(b"half a file")
    with pytest.raises(CheckpointError, match="delete it to start anew"):
        train_in_folder(RunOptions(data=[scenes], folder=out, recipe=recipe), lambda _: None)


def test_the_learning_rate_warms_up_and_falls(recipe: Path) -> None:
    read = read_recipe(recipe)
    rates = [learning_rate(read, step) for step in range(read.run.steps + 1)]
    assert rates[0] == pytest.approx(read.run.learning_rate / 2)
    assert max(rates) == rates[2] == read.run.learning_rate
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert rates[-1] == pytest.approx(read.run.learning_rate / 100)


def test_the_averaged_weights_are_what_is_measured(
    whole_run: tuple[RunOptions, list[Progress]], recipe: Path, tmp_path: Path
) -> None:
    cache = open_cache(whole_run[0].folder / "crops")
    training = ClassifierTraining(read_recipe(recipe), cache, tmp_path / "run")
    before = training.measure()
    training.model.set_weights([array * 0 for array in training.model.get_weights()])
    after = training.measure()
    assert before is not None
    assert after is not None
    assert after.log_loss == before.log_loss
