"""Exported networks as Keras files: the same answers, loaded as any user's file is."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs the extra [train]")
pytest.importorskip("onnx", reason="needs the extra [train]")

from maskwatch.config import WorkerSettings  # after the check for the extra
from maskwatch.errors import ModelError
from models.card import Card, file_sha256, read_card, write_card
from models.face_detector import BUILTIN_WEIGHTS
from models.mask_classifier import BUILTIN_CARD, MaskClassifier
from models.registry import load_detector
from training.keras_files import to_keras

# Keras 3.15 reads its own variables in NumPy 1's way, and TensorFlow warns of itself.
pytestmark = pytest.mark.filterwarnings("default")


def test_the_built_in_classifier_reads_the_same_on_keras(tmp_path: Path) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (5, 96, 96, 3), np.uint8)
    on_keras = MaskClassifier.load(to_keras(BUILTIN_CARD, tmp_path))
    assert on_keras.card.engine == "keras"
    expected = MaskClassifier.load(threads=1).probabilities(crops)
    np.testing.assert_allclose(on_keras.probabilities(crops), expected, atol=1e-3)


@pytest.mark.filterwarnings("error:The structure of `inputs`")
def test_the_built_in_detector_finds_the_same_faces_on_keras(tmp_path: Path) -> None:
    data = pytest.importorskip("skimage.data", reason="needs the extra [demo]")
    picture = np.ascontiguousarray(data.astronaut()[..., ::-1])
    card = to_keras(BUILTIN_WEIGHTS.with_suffix(".json"), tmp_path)
    on_keras, on_onnx = (
        load_detector(WorkerSettings(detector=name)).detect([picture], min_score=0.1, long_side=320)
        for name in (str(card), "builtin")
    )
    assert len(on_keras[0]) == len(on_onnx[0]) > 0
    for ours, theirs in zip(on_keras[0], on_onnx[0], strict=True):
        assert ours.box.as_list() == pytest.approx(theirs.box.as_list(), abs=1)
        assert ours.score == pytest.approx(theirs.score, abs=1e-3)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    card: Card = read_card(BUILTIN_CARD)
    weights = tmp_path / "other.onnx"
    weights.write_bytes(BUILTIN_WEIGHTS.read_bytes())
    changed = {"file": weights.name, "sha256": file_sha256(weights)}
    write_card(card.model_copy(update=changed), tmp_path / "other.json")
    with pytest.raises(ModelError, match="of another network"):
        to_keras(tmp_path / "other.json", tmp_path)
