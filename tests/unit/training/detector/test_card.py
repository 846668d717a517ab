"""The card that is written beside exported weights fits them and holds their record."""

import json
from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="needs the extra [train]")

from models.card import check_weights, read_card
from models.face_detector import BUILTIN_WEIGHTS
from training.detector.card import write_card


def test_a_card_fits_its_weights_and_holds_run_and_figures(tmp_path: Path) -> None:
    weights = tmp_path / "mine.onnx"
    weights.write_bytes(BUILTIN_WEIGHTS.read_bytes())
    (tmp_path / "run.json").write_text(json.dumps({"data_sha256": "ab" * 32}))
    figures = {"split": "test", "detectors": {"maskwatch": {"mean_ap50": 0.5}}}
    (tmp_path / "detector.json").write_text(json.dumps(figures))
    path = write_card(
        weights, min_score=0.7, run=tmp_path, evaluation=tmp_path / "detector.json", version="9",
        notes=("made for a test",),
    )  # fmt: skip
    card = read_card(path)
    check_weights(card, weights)
    assert (card.min_score, card.version, card.data_sha256) == (0.7, "9", "ab" * 32)
    assert card.metrics["test_maskwatch"]["mean_ap50"] == 0.5
    assert "made for a test" in card.notes
    assert 0 < card.parameters < 1_000_000


def test_a_card_names_what_its_own_run_was_trained_on(tmp_path: Path) -> None:
    weights = tmp_path / "mine.onnx"
    weights.write_bytes(BUILTIN_WEIGHTS.read_bytes())
    record = {"data_sha256": "ab" * 32, "sources": ["chin", "my-mall"], "start": "builtin"}
    (tmp_path / "run.json").write_text(json.dumps(record))
    card = read_card(write_card(weights, min_score=0.6, run=tmp_path, evaluation=None, version="1"))
    start, chin, mall = card.trained_on
    assert "maskwatch's own face detector" in start
    assert chin.startswith("chin: CHINbunhyou")
    assert mall == "my-mall"
    assert not any("validation split" in note for note in card.notes)


def test_the_built_in_weights_are_within_their_budget_and_fit_their_card() -> None:
    card = read_card(BUILTIN_WEIGHTS.with_suffix(".json"))
    check_weights(card, BUILTIN_WEIGHTS)
    assert BUILTIN_WEIGHTS.stat().st_size < 5_000_000
    assert card.parameters < 1_000_000
    assert any("YuNet" in source for source in card.trained_on)
