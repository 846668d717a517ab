"""`evaluate classifier` finds the faces of a picture once, and its figures stay what they were."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

pytest.importorskip("matplotlib", reason="needs the extra [train]")

from maskwatch.geometry import Box  # after the check for the extra
from models import registry
from models.face_detector import Detection, FaceDetector
from models.mask_classifier import MaskClassifier
from models.registry import Detector
from models.yunet import YuNetDetector
from training.datasets.index import read_index
from training.evaluate.classifier import Looks, looks_at, see_scenes
from training.evaluate.classifier_cli import classifier

YUNET = Path(__file__).parents[5] / "shared" / "baselines" / "yunet_n_640_640.onnx"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two pictures with a real face at two sizes, each labelled."""
    portrait = pytest.importorskip("skimage.data", reason="needs the extra [demo]").astronaut()
    rows = []
    for scale in (1.0, 0.4):
        small = cv2.resize(np.ascontiguousarray(portrait[..., ::-1]), None, fx=scale, fy=scale)
        file = f"{scale}.png"
        assert cv2.imwrite(str(tmp_path / file), small)
        box = [round(side * scale, 1) for side in (178, 62, 268, 186)]
        size = {"width": small.shape[1], "height": small.shape[0]}
        rows.append({"file": file, "source": "mall", "boxes": [[*box, "no_mask"]]} | size)
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path


def detectors() -> list[Detector]:
    ours: list[Detector] = [FaceDetector.load(threads=1, min_score=score) for score in (0.3, 0.6)]
    return [*ours, YuNetDetector(YUNET)] if YUNET.is_file() else ours


def test_faces_of_a_higher_score_are_those_of_a_lower_one_without_the_rest(data: Path) -> None:
    scenes, _ = read_index(data)
    reads = MaskClassifier.load(threads=1)
    for finds in detectors():
        seen = see_scenes(data, scenes, finds, reads)
        asked = see_scenes(data, scenes, finds, reads, min_score=None)
        assert sum(len(of.faces) for of in seen) > sum(len(of.faces) for of in asked) > 0
        for both, strict in zip(seen, asked, strict=True):
            assert [face for face in both.faces if face.score >= finds.min_score] == strict.faces
        once, twice = (looks_at(scenes, of, min_score=finds.min_score) for of in (seen, asked))
        assert len(once.truths) == 2
        for name in Looks.__dataclass_fields__:
            if name == "probabilities":
                # A larger batch may be summed in another order.
                np.testing.assert_allclose(once.probabilities, twice.probabilities, atol=1e-5)
            else:
                np.testing.assert_array_equal(getattr(once, name), getattr(twice, name))


class CountingDetector:
    """Finds one face and counts its calls."""

    min_score = 0.6

    def __init__(self) -> None:
        self.calls = 0

    def detect(self, pictures: Sequence[NDArray[np.uint8]], **_: Any) -> list[list[Detection]]:
        self.calls += 1
        height, width = pictures[0].shape[:2]
        return [[Detection(Box(0.35 * width, 0.12 * height, 0.52 * width, 0.36 * height), 0.9)]]


@pytest.mark.parametrize(("options", "looks"), [((), 1), (("--careful",), 16)])
def test_each_picture_is_looked_at_once_where_one_look_tells_all(
    data: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], looks: int
) -> None:
    finds = CountingDetector()
    monkeypatch.setattr(registry, "load_detector", lambda _settings: finds)
    command = ["--data", str(data), "--split", "all", "--threads", "1", *options]
    result = CliRunner().invoke(classifier, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert finds.calls == looks * 2
