"""The classifier's figures, on made-up looks that carry their own answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskwatch.contracts import CLASSES, Verdict
from maskwatch.geometry import Box
from models.face_detector import Detection
from models.mask_classifier import Reading
from training.classifier.measures import (
    best_calibration,
    calibration_error,
    confusion,
    crop_scores,
    f1_by_class,
    softmax,
)
from training.classifier.readability import choose_threshold, fit_chance, trade_curve
from training.datasets.index import LabelledBox, LabelledPicture
from training.evaluate.classifier import (
    UNREADABLE,
    Looks,
    end_to_end,
    looks_at,
    reading_report,
    see_scenes,
    slices,
)
from training.evaluate.classifier_page import as_json, as_markdown
from training.evaluate.hard_negatives import COVERED_FACES, NAMES

MASK, NONE, WRONG = range(3)


def made_up_looks(truths: list[int], answers: list[int]) -> Looks:
    count = len(truths)
    probabilities = np.full((count, 3), 0.05)
    probabilities[np.arange(count), np.array(answers) % 3] = 0.9
    return Looks(
        sources=np.array(["chin"] * count),
        files=np.array(["a.png"] * count),
        boxes=np.zeros((count, 4)),
        truths=np.array(truths, np.int64),
        answers=np.array(answers, np.int64),
        probabilities=probabilities,
        heights_px=np.full(count, 50.0),
        heights_640=np.full(count, 50.0),
        scores=np.full(count, 0.9),
    )


def test_unreadable_looks_are_no_error_of_mask_against_none_but_are_missed() -> None:
    report = reading_report(
        made_up_looks([MASK, MASK, NONE, NONE], [MASK, UNREADABLE, NONE, WRONG])
    )
    assert report.unreadable == 0.25
    assert report.mask_vs_none == pytest.approx(2 / 3)
    assert report.f1["mask"] == pytest.approx(2 / 3)
    assert report.confusion[MASK] == [1, 0, 0, 1]
    assert report.confusion[NONE] == [0, 1, 1, 0]


def test_a_class_that_does_not_occur_has_no_f1_and_does_not_lower_the_mean() -> None:
    report = reading_report(made_up_looks([MASK, NONE], [MASK, NONE]))
    assert set(report.f1) == {"mask", "no_mask"}
    assert report.macro_f1 == 1


def test_slices_name_heights() -> None:
    parts = slices(made_up_looks([MASK, NONE], [MASK, MASK]))
    assert len(parts["32-64 px"].truths) == 2
    assert "8-16 px" not in parts


def test_hard_negatives_are_the_bare_faces_that_somebody_found_covered() -> None:
    file, (x1, y1, x2, y2, _) = next(
        (file, face)
        for file, faces in json.loads(COVERED_FACES.read_text(encoding="utf-8")).items()
        for face in faces
        if face[4] == "hand"
    )
    looks = replace(
        made_up_looks([NONE, NONE, NONE, MASK], [MASK, NONE, NONE, MASK]),
        files=np.array([file, file, "other.webp", file]),
        # The second face is beside the covered one, the third in another picture.
        boxes=np.array(
            [[x1 + 2, y1, x2 + 2, y2], [x2, y1, 2 * x2 - x1, y2], *2 * [[x1, y1, x2, y2]]]
        ),
    )
    hard = {name: part for name, part in slices(looks).items() if name.startswith("hard")}
    assert list(hard) == [NAMES["hand"]]
    assert reading_report(hard[NAMES["hand"]]).confusion[NONE] == [1, 0, 0, 0]


def test_the_page_and_the_json_say_the_same() -> None:
    reports = {
        name: reading_report(part)
        for name, part in slices(made_up_looks([MASK, NONE], [MASK, NONE])).items()
    }
    page = as_markdown(reports, {"mask": 0.5, "mean": 0.5})
    written = json.loads(json.dumps(as_json(reports, {"mask": 0.5, "mean": 0.5}), allow_nan=False))
    assert "| mask | 1 | 0 | 0 | 0 |" in page
    assert "mask 0.500, mean 0.500" in page
    assert written["slices"]["all"]["macro_f1"] == 1


class FakeDetector:
    """Finds the faces it was told of, half a pixel off."""

    min_score = 0.6

    def __init__(self, boxes: list[Box]) -> None:
        self.boxes = boxes

    def detect(
        self, pictures: object, *, min_score: float | None = None, long_side: int = 640
    ) -> list[list[Detection]]:
        return [[Detection(Box(b.x1 + 0.5, b.y1, b.x2, b.y2), 0.9) for b in self.boxes]]


class FakeClassifier:
    """Says mask of every face in the left half."""

    def read(self, pictures: object, boxes: list[list[Box]]) -> list[list[Reading]]:
        def one(box: Box) -> Reading:
            label = "mask" if box.x1 < 50 else "no_mask"
            chances = {name: 0.8 if name == label else 0.1 for name in CLASSES}
            return Reading(label=Verdict(label), probabilities=chances, quality=1)

        return [[one(box) for box in of_picture] for of_picture in boxes]


def black_scene(folder: Path, *boxes: LabelledBox) -> LabelledPicture:
    assert cv2.imwrite(str(folder / "a.png"), np.zeros((80, 100, 3), np.uint8))
    return LabelledPicture(
        file="a.png", source="mall", group="0", width=100, height=80, boxes=boxes
    )  # fmt: skip


def test_scenes_are_read_where_faces_are_found_and_end_to_end_counts_both(tmp_path: Path) -> None:
    left, right, unseen = Box(5, 10, 30, 40), Box(60, 10, 85, 40), Box(40, 50, 55, 70)
    scene = black_scene(
        tmp_path,
        LabelledBox(left, "mask"),
        LabelledBox(right, "mask"),
        LabelledBox(unseen, "no_mask"),
    )
    detector, classifier = FakeDetector([right, left]), FakeClassifier()
    seen = see_scenes(tmp_path, [scene], detector, classifier)  # type: ignore[arg-type]
    looks = looks_at([scene], seen, min_score=detector.min_score)
    assert looks.truths.tolist() == [MASK, MASK]
    assert looks.answers.tolist() == [NONE, MASK]
    assert looks.heights_640.tolist() == pytest.approx([192, 192])
    assert len(looks_at([scene], seen, min_score=0.95).truths) == 0
    precision = end_to_end([scene], seen)
    assert precision == pytest.approx({"mask": 1.0, "no_mask": 0.0, "mean": 0.5})


def test_a_find_of_no_labelled_face_and_a_second_one_of_a_face_are_no_looks(
    tmp_path: Path,
) -> None:
    face, elsewhere = Box(5, 10, 30, 40), Box(60, 10, 85, 40)
    scene = black_scene(tmp_path, LabelledBox(face, "mask"))
    detector, classifier = FakeDetector([elsewhere, face, face]), FakeClassifier()
    seen = see_scenes(tmp_path, [scene], detector, classifier)  # type: ignore[arg-type]
    looks = looks_at([scene], seen, min_score=detector.min_score)
    assert looks.boxes.tolist() == [[5.5, 10, 30, 40]]
    assert (looks.truths.tolist(), looks.answers.tolist()) == ([MASK], [MASK])


def test_confusion_rows_are_truths() -> None:
    counts = confusion(np.array([0, 0, 1]), np.array([0, 2, 1]), 3)
    assert counts.tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]
    assert f1_by_class(counts)[:2].tolist() == pytest.approx([2 / 3, 1])
    assert np.isnan(f1_by_class(counts)[2])


def test_calibration_error_is_the_gap_between_sure_and_right() -> None:
    sure = np.array([[0.9, 0.1]] * 10)
    labels = np.array([0] * 6 + [1] * 4)
    assert calibration_error(sure, labels) == pytest.approx(0.3)


def test_calibrating_finds_the_temperature_and_the_shares_of_classes() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 3))
    truth = np.array([0.0, 0.8, -1.0])
    labels = np.array([rng.choice(3, p=row) for row in softmax(logits + truth)])
    temperature, shift = best_calibration(logits * 3, labels)
    assert temperature == pytest.approx(3, rel=0.1)
    assert (shift - shift.mean()).tolist() == pytest.approx(
        (truth - truth.mean()).tolist(), abs=0.2
    )
    before = crop_scores(logits * 3, labels)
    after = crop_scores(logits * 3 / temperature + shift, labels)
    assert after.log_loss < before.log_loss
    assert after.calibration_error < 0.03 < before.calibration_error


def test_the_chance_of_being_right_is_learned_and_a_useless_measure_ignored() -> None:
    rng = np.random.default_rng(0)
    heights = np.exp(rng.uniform(np.log(10), np.log(100), 4000))
    certain = rng.uniform(0.4, 0.99, 4000)
    chance = 1 / (1 + np.exp(-(1.5 * np.log(heights / 32) + np.log(certain / (1 - certain)))))
    right = rng.random(4000) < chance
    rule = fit_chance(heights, np.ones(4000), certain, right)
    assert rule.height == pytest.approx(1.5, abs=0.3)
    assert rule.certainty == pytest.approx(1, abs=0.3)
    assert rule.sharpness == pytest.approx(0, abs=1e-6)


def test_the_threshold_leaves_least_unread_at_the_error_asked_for() -> None:
    chance = np.array([0.95] * 90 + [0.55] * 10)
    right = np.array([True] * 90 + [False] * 10)
    curve = trade_curve(chance, right)
    point = choose_threshold(curve, target_error=0.01, most_unread=0.2)
    assert (point.unread, point.error) == (pytest.approx(0.1), 0)
    assert 0.55 < point.min_chance <= 0.95
    capped = choose_threshold(curve, target_error=0.01, most_unread=0.05)
    assert (capped.unread, capped.error) == (0, pytest.approx(0.1))
