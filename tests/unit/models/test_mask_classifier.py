"""The classifier's seam: batches, probabilities, the unreadable rule, misfits."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from maskwatch.contracts import CLASSES, Verdict
from maskwatch.errors import ModelError
from maskwatch.geometry import Box
from models.card import Card, InputPart, ReadabilityPart
from models.mask_classifier import (
    BATCH_BUCKETS,
    BUILTIN_CARD,
    MaskClassifier,
    chance_of_being_right,
    network_input,
    sharpness,
)

SIDE = 8


class BrightnessNetwork:
    """Answers logits from the mean of a crop: bright is a mask, dark is none."""

    def __init__(self, classes: int = 3) -> None:
        self.batches: list[int] = []
        self.classes = classes

    def run(self, batch: NDArray[Any]) -> list[NDArray[np.float32]]:
        self.batches.append(len(batch))
        bright = batch.reshape(len(batch), -1).mean(1) / 16 - 8
        rest = [np.full(len(batch), -9.0)] * (self.classes - 2)
        return [np.stack([bright, -bright, *rest], 1).astype(np.float32)]


def a_card(**fields: Any) -> Card:
    given: dict[str, Any] = {
        "name": "test",
        "task": "mask_classifier",
        "engine": "onnx",
        "file": "net.onnx",
        "sha256": "0" * 64,
        "input": InputPart(size_px=SIDE, dtype="uint8", colour="bgr"),
        "classes": CLASSES,
    }
    return Card(**(given | fields))


def test_each_box_of_each_picture_gets_its_own_reading_in_order() -> None:
    dark, bright = np.zeros((40, 40, 3), np.uint8), np.full((40, 40, 3), 255, np.uint8)
    classifier = MaskClassifier(BrightnessNetwork(), a_card())
    box = Box(10, 10, 30, 30)
    readings = classifier.read([dark, bright, dark], [[box], [box, box], []])
    labels = [[reading.label for reading in of_picture] for of_picture in readings]
    assert labels == [[Verdict.NO_MASK], [Verdict.MASK, Verdict.MASK], []]


def test_probabilities_sum_to_one_and_bear_the_contract_names() -> None:
    classifier = MaskClassifier(BrightnessNetwork(), a_card())
    crops = list(np.random.default_rng(0).integers(0, 255, (5, SIDE, SIDE, 3), np.uint8))
    for reading in classifier.read_crops(crops, [50.0] * 5):
        assert tuple(reading.probabilities) == CLASSES
        assert sum(reading.probabilities.values()) == pytest.approx(1)


def test_batches_only_ever_have_the_sizes_of_the_buckets() -> None:
    network = BrightnessNetwork()
    crops = np.zeros((71, SIDE, SIDE, 3), np.uint8)
    assert MaskClassifier(network, a_card()).probabilities(crops).shape == (71, 3)
    assert network.batches == [32, 32, 8]
    assert set(network.batches) <= set(BATCH_BUCKETS)


def test_a_mirroring_classifier_takes_the_mean_of_a_face_and_its_mirror_image() -> None:
    class LeftHalf(BrightnessNetwork):
        def run(self, batch: NDArray[Any]) -> list[NDArray[np.float32]]:
            return super().run(batch[:, :, : SIDE // 2])

    crop = np.zeros((1, SIDE, SIDE, 3), np.uint8)
    crop[:, :, : SIDE // 2] = 255
    plain = MaskClassifier(LeftHalf(), a_card())
    one_side, other_side = plain.probabilities(crop), plain.probabilities(crop[:, :, ::-1])
    assert one_side[0].argmax() != other_side[0].argmax()
    mean = (one_side + other_side) / 2
    np.testing.assert_allclose(plain.mirroring().probabilities(crop), mean)


def test_warming_up_runs_every_bucket_once() -> None:
    network = BrightnessNetwork()
    MaskClassifier(network, a_card()).warm_up()
    assert network.batches == list(BATCH_BUCKETS)


def test_no_face_at_all_is_no_batch() -> None:
    network = BrightnessNetwork()
    assert MaskClassifier(network, a_card()).read([np.zeros((9, 9, 3), np.uint8)], [[]]) == [[]]
    assert network.batches == []


def test_a_temperature_softens_the_answer_and_keeps_its_order() -> None:
    crops = [np.full((SIDE, SIDE, 3), 150, np.uint8)]
    sharp = MaskClassifier(BrightnessNetwork(), a_card()).read_crops(crops, [50.0])[0]
    soft = MaskClassifier(BrightnessNetwork(), a_card(temperature=3)).read_crops(crops, [50.0])[0]
    assert sharp.label == soft.label == Verdict.MASK
    assert 0.5 < soft.probabilities["mask"] < sharp.probabilities["mask"]


def test_a_face_too_small_is_unreadable_and_keeps_its_probabilities() -> None:
    classifier = MaskClassifier(
        BrightnessNetwork(), a_card(readability=ReadabilityPart(min_height_px=12))
    )
    crops = [np.full((SIDE, SIDE, 3), 255, np.uint8)] * 2
    small, large = classifier.read_crops(crops, [11.9, 12.0])
    assert (small.label, large.label) == (Verdict.UNREADABLE, Verdict.MASK)
    assert small.probabilities == large.probabilities


def test_an_uncertain_look_is_unreadable_and_weighs_little() -> None:
    classifier = MaskClassifier(
        BrightnessNetwork(), a_card(readability=ReadabilityPart(min_chance=0.7))
    )
    crops = [np.full((SIDE, SIDE, 3), level, np.uint8) for level in (128, 255)]
    unsure, sure = classifier.read_crops(crops, [50.0, 50.0])
    assert (unsure.label, sure.label) == (Verdict.UNREADABLE, Verdict.MASK)
    assert unsure.quality < 0.1 < 0.9 < sure.quality <= 1


def test_the_chance_grows_with_size_sharpness_and_certainty() -> None:
    rule = ReadabilityPart(height=1, sharpness=1, certainty=1)
    usual = chance_of_being_right(rule, height_px=32, sharp=0.5, highest=0.8)
    assert chance_of_being_right(rule, height_px=64, sharp=0.5, highest=0.8) > usual
    assert chance_of_being_right(rule, height_px=32, sharp=0.9, highest=0.8) > usual
    assert chance_of_being_right(rule, height_px=32, sharp=0.5, highest=0.9) > usual
    assert 0 <= chance_of_being_right(rule, height_px=0, sharp=0, highest=1) <= 1


def test_sharpness_falls_when_a_crop_is_blurred_and_not_when_it_is_dark() -> None:
    import cv2

    crop = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
    blurred = np.asarray(cv2.GaussianBlur(crop, (0, 0), 2), np.uint8)
    assert sharpness(blurred) < 0.2 * sharpness(crop)
    assert sharpness(crop // 2) == pytest.approx(sharpness(crop), rel=0.05)


def test_two_classes_never_answer_the_third() -> None:
    card = a_card(classes=("no_mask", "mask"))
    classifier = MaskClassifier(BrightnessNetwork(classes=2), card)
    reading = classifier.read_crops([np.full((SIDE, SIDE, 3), 255, np.uint8)], [50.0])[0]
    assert reading.label is Verdict.NO_MASK
    assert reading.probabilities["incorrect"] == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"classes": ()},
        {"classes": ("mask",)},
        {"classes": ("mask", "mask")},
        {"classes": ("mask", "cat")},
        {"task": "face_detector"},
        {"input": InputPart(size_px=0)},
    ],
)
def test_a_card_that_is_not_a_mask_classifiers_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="card test"):
        MaskClassifier(BrightnessNetwork(), a_card(**fields))


def test_a_card_with_other_classes_than_the_weights_is_refused() -> None:
    classifier = MaskClassifier(BrightnessNetwork(classes=2), a_card())
    with pytest.raises(ModelError, match=r"names 3 classes .* weights answer"):
        classifier.probabilities(np.zeros((1, SIDE, SIDE, 3), np.uint8))


@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
def test_the_network_gets_what_its_card_names(layout: str) -> None:
    crops = np.zeros((2, SIDE, SIDE, 3), np.uint8)
    crops[..., 2] = 255
    asked = InputPart(size_px=SIDE, layout=layout, colour="rgb", scale=2 / 255, offset=-1)  # type: ignore[arg-type]
    batch = network_input(crops, a_card(input=asked))
    red = batch[..., 0] if layout == "nhwc" else batch[:, 0]
    blue = batch[..., 2] if layout == "nhwc" else batch[:, 2]
    assert batch.dtype == np.float32
    np.testing.assert_allclose(red, 1)
    np.testing.assert_allclose(blue, -1)


def test_the_builtin_weights_load_and_answer() -> None:
    classifier = MaskClassifier.load(threads=1)
    picture = np.full((120, 120, 3), 90, np.uint8)
    reading = classifier.read([picture], [[Box(40, 40, 80, 80)]])[0][0]
    assert sum(reading.probabilities.values()) == pytest.approx(1)
    assert classifier.card.parameters < 1_000_000


def test_the_builtin_weights_cut_short_are_one_clear_line(tmp_path: Path) -> None:
    shutil.copy(BUILTIN_CARD, tmp_path)
    whole = BUILTIN_CARD.with_suffix(".onnx").read_bytes()
    (tmp_path / "mask_classifier.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="cut short") as caught:
        MaskClassifier.load(tmp_path / BUILTIN_CARD.name)
    assert "\n" not in str(caught.value)


def test_the_weights_are_small_enough_to_live_in_the_repository() -> None:
    assert BUILTIN_CARD.with_suffix(".onnx").stat().st_size < 5_000_000
