"""The page says what the evaluations wrote, and refuses to be written without them."""

import json
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="needs the extra [train]")

from maskwatch.errors import ConfigError
from models.card import Card, InputPart
from training.evaluate.page import _REPEAT, write_page


def card(task: str) -> Card:
    return Card.model_validate(
        {"name": task, "task": task, "engine": "onnx", "file": "net.onnx", "sha256": "ab" * 32,
         "input": InputPart(size_px=0), "trained_on": ["one source, MIT"], "min_score": 0.61}
    )  # fmt: skip


CARDS = {"detector": card("face_detector"), "classifier": card("mask_classifier")}


def evaluated(folder: Path, part: str) -> None:
    record = {"split": "test", "pictures": 12, "data_sha256": "cd" * 32}
    (folder / f"{part}.json").write_text(json.dumps(record))
    (folder / f"{part}.md").write_text(f"| table of the {part} |\n")
    (folder / f"{part}.png").write_bytes(b"plot")


def test_the_page_holds_tables_plots_cards_and_hashes(tmp_path: Path) -> None:
    for part in ("detector", "classifier", "careful"):
        evaluated(tmp_path, part)
    page = tmp_path / "docs" / "accuracy.md"
    write_page(tmp_path, CARDS, page)
    text = page.read_text()
    for said in (
        "table of the detector",
        "table of the classifier",
        "table of the careful",
        "cd" * 32,
        "ab" * 32,
        "0.61",
        "12 labelled scenes",
        "one source, MIT",
        "Limits",
    ):
        assert said in text
    assert (page.parent / "accuracy-detector.png").read_bytes() == b"plot"


def test_the_page_in_the_documents_says_what_the_program_would_write_of_repeating_it() -> None:
    page = Path(__file__).parents[4] / "docs" / "accuracy.md"
    assert page.read_text(encoding="utf-8").endswith(_REPEAT)


def test_the_classifier_behind_public_detectors_stands_with_reading_faces(tmp_path: Path) -> None:
    for part in ("detector", "classifier", "careful"):
        evaluated(tmp_path, part)
    write_page(tmp_path, CARDS, tmp_path / "alone.md")
    assert "another detector" not in (tmp_path / "alone.md").read_text()
    read = {"faces": 9, "unreadable": 0.125, "mask_vs_none": None, "mean_ap50": 0.75}
    record = json.loads((tmp_path / "detector.json").read_text())
    record["detectors"] = {"RFB 640": {"read": read}}
    (tmp_path / "detector.json").write_text(json.dumps(record))
    write_page(tmp_path, CARDS, tmp_path / "accuracy.md")
    text = (tmp_path / "accuracy.md").read_text()
    section = text.partition("## Reading faces\n")[2].partition("\n## ")[0]
    assert "### End to end with another detector" in section
    assert "| RFB 640 | 9 | 12.5 % | - | 0.750 |" in section


def test_a_part_that_was_not_measured_is_named(tmp_path: Path) -> None:
    evaluated(tmp_path, "detector")
    with pytest.raises(ConfigError, match="evaluate classifier"):
        write_page(tmp_path, CARDS, tmp_path / "accuracy.md")
    evaluated(tmp_path, "classifier")
    with pytest.raises(ConfigError, match="evaluate classifier --careful"):
        write_page(tmp_path, CARDS, tmp_path / "accuracy.md")
