"""The refiner's candidates, cuts, loss, run and rule, on made-up scenes that carry their answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("keras", reason="needs the extra [train]")
pytest.importorskip("onnx", reason="needs the extra [train]")

import keras

from maskwatch.errors import ConfigError
from models.face_refiner import REACH, FaceRefiner
from models.mask_classifier import BUILTIN_CARD
from training.classifier.checkpoint import load_checkpoint, save_arrays
from training.classifier.looks import network_input
from training.detector.scenes import Scene, decode_pictures, read_scenes
from training.refiner import train
from training.refiner.batches import CutMaker
from training.refiner.candidates import Found, sort_candidates
from training.refiner.finish import Seen, best_rule
from training.refiner.loss import refinement_loss
from training.refiner.net import build_refiner, start_blocks
from training.refiner.recipe import NetPart, RefinerRecipe
from training.refiner.run import RunOptions, train_in_folder
from training.refiner.train import TrainingDivergedError

pytestmark = pytest.mark.filterwarnings("default")  # Keras's engines warn about each other

FACE = (30.0, 20.0, 70.0, 75.0)
RECIPE = """
[net]
input_px = 32
blocks = 4
narrow = 4
hidden = 8
[run]
batch = 8
steps = 8
warm_up_steps = 2
average = 0.5
average_every = 1
save_every = 3
"""


class KilledError(Exception):
    """Stands for a kill between two steps."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Forty pictures of one oval face."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    rng = np.random.default_rng(0)
    lines = []
    for number in range(40):
        picture = rng.integers(0, 120, (100, 100, 3)).astype(np.uint8)
        cv2.ellipse(picture, (50, 47), (20, 28), 0, 0, 360, (140, 170, 220), -1)
        cv2.imwrite(str(folder / f"{number}.png"), picture)
        row = {"file": f"{number}.png", "source": "made-up", "group": number, "width": 100,
               "height": 100, "boxes": [[*FACE, "mask"]]}  # fmt: skip
        lines.append(json.dumps(row))
    (folder / "labels.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def options_for(data: Path, folder: Path) -> RunOptions:
    """A run whose detector has been: a near miss and a false alarm in every scene."""
    folder.mkdir()
    recipe = folder / "small.toml"
    recipe.write_text(RECIPE)
    count = sum(scene.split == "train" for scene in read_scenes(data))
    save_arrays(
        folder / "candidates.npz",
        {
            "scene": np.repeat(np.arange(count), 2),
            "boxes": np.tile([[25.0, 15, 60, 70], [75.0, 75, 95, 95]], (count, 1)),
            "scores": np.tile([0.7, 0.2], count),
        },
    )
    return RunOptions(data=data, folder=folder, recipe=recipe)


def a_scene(**changes: object) -> Scene:
    scene = Scene(
        file="a.png",
        source="chin",
        group="1",
        size=(640, 480),
        boxes=np.array([[100, 100, 140, 150]], np.float32),
        labels=("mask",),
    )
    return replace(scene, **changes)


def test_detections_are_sorted_into_near_misses_and_false_alarms() -> None:
    boxes = np.array(
        [
            [105.0, 105, 145, 155],  # on the face
            [300.0, 300, 340, 340],  # on nothing
            [400.0, 100, 440, 140],  # on nothing, but so sure that it is a face without a label
            [500.0, 100, 505, 105],  # too small to be judged
        ]
    )
    found = Found(np.zeros(4, np.intp), boxes, np.array([0.9, 0.3, 0.95, 0.3]))
    sorted_ = sort_candidates([a_scene()], found, {})
    assert sorted_.faces.boxes.tolist() == [[100, 100, 140, 150]]
    assert sorted_.near.boxes.tolist() == [boxes[0].tolist()]
    assert sorted_.alarms.boxes.tolist() == [boxes[1].tolist()]


def test_where_small_faces_lack_labels_they_are_no_false_alarms() -> None:
    boxes = np.array([[300.0, 300, 320, 320]])
    found = Found(np.zeros(1, np.intp), boxes, np.array([0.3]))
    assert len(sort_candidates([a_scene()], found, {}).alarms) == 1
    assert len(sort_candidates([a_scene(source="jolignier")], found, {}).alarms) == 0


def test_a_batch_depends_on_seed_and_step_alone_and_its_truths_are_where_the_face_is(
    data: Path, tmp_path: Path
) -> None:
    scenes = read_scenes(data)
    cache = decode_pictures(scenes, data=data, cache=tmp_path / "cache")
    count = len(scenes)
    found = Found(np.arange(count), np.tile([75.0, 75, 95, 95], (count, 1)), np.full(count, 0.2))
    recipe = RefinerRecipe.model_validate(
        {"run": {"batch": 32}, "covered": 0, "camera": dict.fromkeys(
            ("small", "motion", "defocus", "compressed", "light", "noise", "tint", "colour"), 0.0
        )}
    )  # fmt: skip
    cuts = CutMaker(scenes, cache, sort_candidates(scenes, found, {}), recipe)
    first, again, other = cuts.batch(3), cuts.batch(3), cuts.batch(4)
    np.testing.assert_array_equal(first.pictures, again.pictures)
    assert (first.pictures != other.pictures).any()
    side, span = recipe.net.input_px, recipe.net.span
    for picture, truth in zip(first.pictures, first.truths, strict=True):
        middle = (truth[:2] + truth[2:4]) / 2
        x, y = (side / 2 + middle * side / span).round().astype(int)
        if 0 <= x < side and 0 <= y < side:
            assert picture[y, x].tolist() == pytest.approx([140, 170, 220], abs=3)


def test_the_loss_is_least_for_the_right_answer() -> None:
    truths = np.array(
        [
            [-0.5, -0.5, 0.5, 0.5, -0.4, -0.5, 0.6, 0.5, 0.8],
            [0.0, 0.0, 0.1, 0.1, -0.5, -0.5, 0.5, 0.5, 0.0],
        ],
        np.float32,
    )
    right = np.array([[5, 5, -0.1 / REACH, 0, -0.1 / REACH, 0], [-5, -5, 0, 0, 0, 0]], np.float32)
    best = keras.ops.convert_to_numpy(refinement_loss(truths, right))
    assert (best < 0.35).all()
    for row, column, value in ((0, 0, -5), (0, 2, 0.5), (0, 1, -5), (1, 0, 5), (1, 1, 5)):
        wrong = right.copy()
        wrong[row, column] = value
        worse = keras.ops.convert_to_numpy(refinement_loss(truths, wrong))
        assert worse[row] > best[row] + 0.1, (row, column)
    # Where there is no face, the edges do not matter.
    moved = right.copy()
    moved[1, 2:] = 3
    same = keras.ops.convert_to_numpy(refinement_loss(truths, moved))
    assert same[1] == pytest.approx(float(best[1]))


def test_a_run_leaves_recipe_metrics_weights_and_card_and_the_engine_answers_as_keras(
    data: Path, tmp_path: Path
) -> None:
    options = options_for(data, tmp_path / "run")
    told: list[str] = []
    card_path = train_in_folder(options, lambda _done, _all, note: told.append(note))
    names = {path.name for path in options.folder.iterdir()}
    assert {"recipe.json", "run.json", "metrics.jsonl", "curves.png", "face_refiner.onnx"} <= names
    assert any(note.startswith("8/8") for note in told)
    refiner = FaceRefiner.load(card_path, threads=1)
    assert refiner.card.span == 1.8
    model = build_refiner(NetPart(input_px=32, blocks=4, narrow=4, hidden=8))
    model.set_weights(load_checkpoint(options.folder / "checkpoint.npz").average)
    cuts = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)
    expected = model.predict_on_batch(network_input(cuts))
    np.testing.assert_allclose(refiner.answers(cuts), expected, atol=1e-3)


def test_a_run_killed_midway_goes_on_to_the_same_weights(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = options_for(data, tmp_path / "whole")
    train_in_folder(whole, lambda *_: None)
    killed = options_for(data, tmp_path / "killed")
    monkeypatch.setattr(train, "_TELL_EVERY", 5)

    def kill(_done: int, _all: int, note: str) -> None:
        if note.startswith("5/8"):  # after the checkpoint of step 3
            raise KilledError

    with pytest.raises(KilledError):
        train_in_folder(killed, kill)
    assert load_checkpoint(killed.folder / "checkpoint.npz").step == 3
    train_in_folder(killed, lambda *_: None)
    first, second = (
        load_checkpoint(options.folder / "checkpoint.npz").average for options in (whole, killed)
    )
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_a_loss_that_is_no_number_stops_and_names_the_batch(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        train, "network_input", lambda pictures: network_input(pictures) * np.float32("nan")
    )
    with pytest.raises(TrainingDivergedError, match=r"step 0, batch of \d+\.png"):
        train_in_folder(options_for(data, tmp_path / "run"), lambda *_: None)


def test_the_first_blocks_come_from_the_mask_classifier() -> None:
    model = build_refiner(NetPart())
    assert start_blocks(model, BUILTIN_CARD.with_suffix(".onnx")) == 75
    with pytest.raises(Exception, match="conv1"):
        start_blocks(model, BUILTIN_CARD.with_name("face_detector.onnx"))


def test_data_without_false_alarms_is_refused(data: Path, tmp_path: Path) -> None:
    options = options_for(data, tmp_path / "run")
    save_arrays(
        options.folder / "candidates.npz",
        {"scene": np.zeros(0, np.intp), "boxes": np.zeros((0, 4)), "scores": np.zeros(0)},
    )
    with pytest.raises(ConfigError, match="false alarms"):
        train_in_folder(options, lambda *_: None)


def test_the_rule_trusts_a_refiner_that_is_right_and_its_scores() -> None:
    rng = np.random.default_rng(0)
    seen = []
    for number in range(30):
        face = np.array([100.0, 100, 150, 150]) + np.tile(rng.integers(0, 200, 2), 2)
        scene = a_scene(file=f"{number}", boxes=face[None].astype(np.float32))
        off = face + 22  # IoU 0.19 with the face
        nothing = np.array([500.0, 300, 550, 350])
        boxes = np.stack([off, nothing])
        edges = np.stack([face, nothing])
        logits = np.array([[4.0, 4.0], [-4.0, -4.0]]) + rng.normal(0, 0.5, (2, 2))
        seen.append(Seen(scene, boxes, rng.uniform(0.3, 0.7, 2), logits, edges))
    rule, figures = best_rule(seen)
    assert rule.trust > 0.5
    assert rule.face + rule.placed > 0.5
    assert figures["ap50"] == pytest.approx(1.0)
    assert figures["ap50_unrefined"] < 0.1
