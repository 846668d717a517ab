"""Cards: what is refused, and why."""

import json
from pathlib import Path

import pytest

from maskwatch.errors import ModelError
from models.card import Card, InputPart, check_weights, file_sha256, read_card, write_card


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"weights" * 1000)
    return path


@pytest.fixture
def card(weights: Path) -> Card:
    return Card(
        name="test",
        task="mask_classifier",
        engine="onnx",
        file=weights.name,
        sha256=file_sha256(weights),
        input=InputPart(size_px=96),
        classes=("mask", "no_mask"),
    )


def test_a_card_that_was_written_reads_back_the_same(card: Card, tmp_path: Path) -> None:
    write_card(card, tmp_path / "card.json")
    assert read_card(tmp_path / "card.json") == card


def test_the_weights_of_the_card_are_accepted(card: Card, weights: Path) -> None:
    check_weights(card, weights)


def test_truncated_weights_are_refused_in_one_line(card: Card, weights: Path) -> None:
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(ModelError, match=r"net\.onnx: SHA-256 .* cut short") as caught:
        check_weights(card, weights)
    assert "\n" not in str(caught.value)


def test_missing_weights_are_refused_by_name(card: Card, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.onnx: No such file"):
        check_weights(card, tmp_path / "gone.onnx")


def test_a_missing_card_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.json: No such file.*needs its card"):
        read_card(tmp_path / "gone.json")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("not json", "card: Invalid JSON"),
        ("{}", "name: Field required"),
        (b"\xff\xfe\x00", "card"),
    ],
)
def test_a_card_that_is_none_says_what_is_wrong(
    tmp_path: Path, text: str | bytes, reason: str
) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ModelError, match=reason):
        read_card(path)


def test_an_unknown_field_of_a_card_is_named(card: Card, tmp_path: Path) -> None:
    fields = json.loads(card.model_dump_json()) | {"temprature": 2}
    (tmp_path / "card.json").write_text(json.dumps(fields))
    with pytest.raises(ModelError, match="temprature: Extra inputs"):
        read_card(tmp_path / "card.json")
