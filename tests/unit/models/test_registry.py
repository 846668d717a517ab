"""Choosing networks by the configuration."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from maskwatch.config import WorkerSettings
from maskwatch.errors import ModelError
from models import registry
from models.card import file_sha256
from models.face_detector import BUILTIN_WEIGHTS
from models.mask_classifier import BUILTIN_CARD
from models.registry import load_classifier, load_detector


def settings(**chosen: str) -> WorkerSettings:
    return WorkerSettings.model_validate({"threads": 1} | chosen)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A user's own classifier: the built-in one under another name."""
    weights = tmp_path / "mine.onnx"
    shutil.copy(BUILTIN_CARD.with_suffix(".onnx"), weights)
    card = json.loads(BUILTIN_CARD.read_text()) | {"name": "mine", "file": weights.name}
    weights.with_suffix(".json").write_text(json.dumps(card))
    return weights


def test_the_builtin_networks_load_by_default() -> None:
    detector, classifier = load_detector(settings()), load_classifier(settings())
    blank = np.zeros((64, 64, 3), np.uint8)
    assert detector.detect([blank], min_score=0.5, long_side=320) == [[]]
    assert classifier.card.task == "mask_classifier"


def test_a_users_classifier_is_chosen_by_its_weights_or_its_card(own: Path) -> None:
    assert load_classifier(settings(classifier=str(own))).card.name == "mine"
    by_card = load_classifier(settings(classifier=str(own.with_suffix(".json"))))
    assert by_card.card.name == "mine"


def test_a_users_detector_is_chosen_by_its_weights(tmp_path: Path) -> None:
    shutil.copy(BUILTIN_WEIGHTS, tmp_path)
    shutil.copy(BUILTIN_WEIGHTS.with_suffix(".json"), tmp_path)
    detector = load_detector(settings(detector=str(tmp_path / BUILTIN_WEIGHTS.name)))
    assert detector.detect([np.zeros((64, 64, 3), np.uint8)]) == [[]]


def test_weights_without_a_card_are_refused(own: Path) -> None:
    own.with_suffix(".json").unlink()
    with pytest.raises(ModelError, match=r"card .*mine\.json: .* needs its card beside it"):
        load_classifier(settings(classifier=str(own)))


def test_a_card_whose_classes_differ_from_the_weights_is_refused_at_start(own: Path) -> None:
    card = json.loads(own.with_suffix(".json").read_text()) | {"classes": ["mask", "no_mask"]}
    own.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match=r"names 2 classes .* weights answer"):
        load_classifier(settings(classifier=str(own)))


def test_a_card_with_another_input_size_than_the_weights_is_refused_at_start(own: Path) -> None:
    card = json.loads(own.with_suffix(".json").read_text())
    card["input"]["size_px"] = 64
    own.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="cannot run a batch of shape"):
        load_classifier(settings(classifier=str(own)))


def test_a_classifiers_card_in_the_detectors_place_is_refused(own: Path) -> None:
    with pytest.raises(ModelError, match="is for mask_classifier, a face_detector is needed"):
        load_detector(settings(detector=str(own)))


@pytest.fixture
def own_detector(tmp_path: Path) -> Path:
    """A user's own detector: the built-in one under another name."""
    weights = tmp_path / "mine.onnx"
    shutil.copy(BUILTIN_WEIGHTS, weights)
    card = json.loads(BUILTIN_WEIGHTS.with_suffix(".json").read_text()) | {"file": weights.name}
    weights.with_suffix(".json").write_text(json.dumps(card))
    return weights


def test_weights_of_another_network_in_a_detectors_card_are_refused_at_start(
    own_detector: Path,
) -> None:
    shutil.copy(BUILTIN_CARD.with_suffix(".onnx"), own_detector)
    card = json.loads(own_detector.with_suffix(".json").read_text())
    card["sha256"] = file_sha256(own_detector)
    own_detector.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match=r"cannot run a batch of shape \(1, 64, 64, 3\)"):
        load_detector(settings(detector=str(own_detector)))


@pytest.mark.parametrize(
    ("key", "value"), [("layout", "nchw"), ("colour", "rgb"), ("size_px", 320), ("scale", 0.5)]
)
def test_a_detectors_card_with_an_input_it_will_not_be_given_is_refused(
    own_detector: Path, key: str, value: object
) -> None:
    card = json.loads(own_detector.with_suffix(".json").read_text())
    card["input"][key] = value
    own_detector.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="a face detector is given pictures of any size"):
        load_detector(settings(detector=str(own_detector)))


class NoFaces:
    """A detector's network that sees nothing, and notes how many pictures it got at once."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def run(self, batch: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        self.sizes.append(len(batch))
        cells = sum(batch.shape[1] * batch.shape[2] // stride**2 for stride in (8, 16, 32))
        return [np.full((len(batch), 6, cells), -20, np.float32)]


@pytest.mark.parametrize(("device", "sizes"), [("gpu", [1, 4, 8, 1]), ("cpu", [1] * 13)])
def test_on_a_gpu_pictures_go_in_batches_of_a_few_sizes(
    monkeypatch: pytest.MonkeyPatch, device: str, sizes: list[int]
) -> None:
    network = NoFaces()
    monkeypatch.setattr(registry, "load_runtime", lambda *_, **__: network)
    detector = load_detector(settings(device=device))
    picture = np.zeros((64, 64, 3), np.uint8)
    assert detector.detect([picture] * 3) == [[]] * 3
    assert detector.detect([picture] * 9) == [[]] * 9
    assert network.sizes == sizes


@pytest.mark.parametrize(
    ("chosen", "key"),
    [({"classifier": "best"}, "workers.classifier"), ({"detector": "a.pt"}, "workers.detector")],
)
def test_a_name_that_is_no_file_of_ours_says_what_may_be_given(
    chosen: dict[str, str], key: str
) -> None:
    load = load_classifier if "classifier" in chosen else load_detector
    with pytest.raises(ModelError, match=rf"{key} = .*: use 'builtin', a card"):
        load(settings(**chosen))


def test_yunet_without_its_file_says_where_to_get_it() -> None:
    with pytest.raises(ModelError, match=r"yunet:/gone\.onnx.*no such file"):
        load_detector(settings(detector="yunet:/gone.onnx"))


def test_a_file_that_is_no_yunet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "yunet.onnx").write_bytes(b"no network")
    with pytest.raises(ModelError, match="not a YuNet"):
        load_detector(settings(detector=f"yunet:{tmp_path / 'yunet.onnx'}"))


def test_yunet_answers_the_same_call_as_ours() -> None:
    path = Path(__file__).parents[4] / "shared" / "baselines" / "yunet_n_640_640.onnx"
    if not path.is_file():
        pytest.skip("../shared/baselines/yunet_n_640_640.onnx is not here")
    data = pytest.importorskip("skimage.data", reason="needs the extra [demo]")
    picture = np.ascontiguousarray(data.astronaut()[..., ::-1])
    yunet = load_detector(settings(detector=f"yunet:{path}"))
    faces = yunet.detect([picture, picture[:40]])
    assert len(faces) == 2
    box = faces[0][0].box
    assert 170 < box.x1 < box.x2 < 290
    assert 40 < box.y1 < box.y2 < 210
