"""Fine-tuning on a few pictures: nothing is fitted to a handful, and what is lost is told."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("keras", reason="needs the extra [train]")
pytest.importorskip("onnx", reason="needs the extra [train]")

from models.card import ReadabilityPart, read_card, write_card
from training.classifier import few_faces
from training.classifier.run import RunOptions, train_in_folder
from training.classifier.train import Progress

pytestmark = pytest.mark.filterwarnings("default")  # Keras's engines warn about each other

RULE = ReadabilityPart(bias=0.5, height=0.4, sharpness=0.3, certainty=0.9, min_chance=0.6)
CARD = "mask_classifier.json"


def finished_again(whole: RunOptions, folder: Path, **changes: object) -> RunOptions:
    """Ends a copy of a run anew: all its steps are done."""
    shutil.copytree(whole.folder, folder)
    options = replace(whole, folder=folder, **changes)
    train_in_folder(options, lambda _: None)
    return options


def test_with_few_faces_temperature_and_rule_stay_those_of_the_start(
    whole_run: tuple[RunOptions, list[Progress]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    start = tmp_path / "start"
    start.mkdir()
    shutil.copy(whole_run[0].folder / "mask_classifier.onnx", start)
    card = read_card(whole_run[0].folder / CARD)
    known = card.model_copy(update={"temperature": 1.7, "readability": RULE})
    write_card(known, start / CARD)
    finished_again(whole_run[0], tmp_path / "run", start=start / "mask_classifier.onnx")
    tuned = read_card(tmp_path / "run" / CARD)
    assert (tuned.temperature, tuned.readability) == (1.7, RULE)
    assert "too few to fit temperature and readability rule" in tuned.notes[-1]
    assert tuned.notes[-1].endswith("both are the start's")
    assert tuned.notes[-1] in caplog.text


def test_with_few_faces_and_no_start_nothing_is_fitted(
    whole_run: tuple[RunOptions, list[Progress]],
) -> None:
    card = read_card(whole_run[0].folder / CARD)
    assert (card.temperature, card.readability) == (1.0, ReadabilityPart(min_height_px=16))
    assert card.notes[-1].endswith("faces from 16 px are all read, uncalibrated")


def test_with_faces_enough_both_are_fitted(
    whole_run: tuple[RunOptions, list[Progress]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(few_faces, "ENOUGH_FACES", 1)
    finished_again(whole_run[0], tmp_path / "run")
    card = read_card(tmp_path / "run" / CARD)
    assert card.temperature != 1.0
    assert card.readability.bias != 0
    assert not any("too few" in note for note in card.notes)
    assert len(json.loads((tmp_path / "run" / "readability.json").read_text())) == 100
    assert (tmp_path / "run" / "readability.png").exists()


def test_a_class_without_a_picture_is_named_in_log_and_card(
    whole_run: tuple[RunOptions, list[Progress]],
    scenes: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    labels = scenes / "labels.jsonl"
    lines = [line for line in labels.read_text().splitlines() if '"incorrect"]' not in line]
    labels.write_text("\n".join(lines) + "\n")
    options = replace(
        whole_run[0],
        data=[scenes],
        folder=tmp_path / "run",
        start=whole_run[0].folder / "weights.npz",
        steps=1,
    )
    train_in_folder(options, lambda _: None)
    said = "no training picture of incorrect: fine-tuning forgets what the start knew of it; add"
    (note,) = (note for note in read_card(options.folder / CARD).notes if said in note)
    assert caplog.messages.count(note) == 1
    assert not any("no training" in note for note in read_card(whole_run[0].folder / CARD).notes)
