"""Joining detector and classifier, with small fakes that answer from the pixels."""

from collections.abc import Sequence

import numpy as np
import pytest

from maskwatch.contracts import Verdict
from maskwatch.errors import ModelError
from maskwatch.geometry import Box
from models.face_detector import Detection
from models.mask_classifier import Reading
from workers.analyse import Analyser, Picture


class PixelDetector:
    """Finds as many faces as the first pixel's blue says, side by side."""

    min_score = 0.5

    def __init__(self) -> None:
        self.asked: list[tuple[float | None, int]] = []

    def detect(
        self, pictures: Sequence[Picture], *, min_score: float | None, long_side: int
    ) -> list[list[Detection]]:
        self.asked.append((min_score, long_side))
        return [
            [Detection(Box(10.0 * n, 0, 10.0 * n + 8, 8), 0.9 - n / 10) for n in range(p[0, 0, 0])]
            for p in pictures
        ]


class PixelClassifier:
    """Reads a face as masked where its picture's first pixel is green."""

    def __init__(self) -> None:
        self.batches = 0

    def read(
        self, pictures: Sequence[Picture], boxes: Sequence[Sequence[Box]]
    ) -> list[list[Reading]]:
        self.batches += 1
        return [
            [self._reading(bool(picture[0, 0, 1])) for _ in its_boxes]
            for picture, its_boxes in zip(pictures, boxes, strict=True)
        ]

    def _reading(self, has_mask: bool) -> Reading:
        mask = 1.0 if has_mask else 0.0
        return Reading(
            label=Verdict.MASK if has_mask else Verdict.NO_MASK,
            probabilities={"mask": mask, "no_mask": 1 - mask, "incorrect": 0.0},
            quality=0.7,
        )


def _picture(*, faces: int, green: int = 0) -> Picture:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[0, 0] = (faces, green, 0)
    return picture


def test_every_face_keeps_its_picture_box_and_reading() -> None:
    analyser = Analyser(PixelDetector(), PixelClassifier())
    analysed = analyser.analyse([_picture(faces=2, green=1), _picture(faces=0), _picture(faces=1)])
    labels = [[face.label for face in faces] for faces in analysed.faces]
    assert labels == [[Verdict.MASK, Verdict.MASK], [], [Verdict.NO_MASK]]
    first, second = analysed.faces[0]
    assert (first.box, second.box) == (Box(0, 0, 8, 8), Box(10, 0, 18, 8))
    assert (first.score, first.quality) == (0.9, 0.7)
    assert set(analysed.timings_ms) == {"detect", "classify"}


def test_the_faces_of_all_pictures_are_classified_in_one_batch() -> None:
    classifier = PixelClassifier()
    Analyser(PixelDetector(), classifier).analyse([_picture(faces=n) for n in range(5)])
    assert classifier.batches == 1


def test_no_pictures_is_no_work() -> None:
    classifier = PixelClassifier()
    assert Analyser(PixelDetector(), classifier).analyse([]).faces == []
    assert classifier.batches == 0


def test_the_threshold_is_the_detectors_own_unless_another_is_given() -> None:
    detector = PixelDetector()
    analyser = Analyser(detector, PixelClassifier(), long_side=320)
    assert analyser.min_score == 0.5
    analyser.analyse([_picture(faces=1)])
    lower = analyser.with_min_score(0.02)
    assert lower.min_score == 0.02
    lower.analyse([_picture(faces=1)])
    assert detector.asked == [(None, 320), (0.02, 320)]


def test_a_reading_too_few_is_noticed() -> None:
    class Forgetful(PixelClassifier):
        def read(
            self, pictures: Sequence[Picture], boxes: Sequence[Sequence[Box]]
        ) -> list[list[Reading]]:
            return [[] for _ in pictures]

    with pytest.raises(ValueError, match="shorter"):
        Analyser(PixelDetector(), Forgetful()).analyse([_picture(faces=1)])


def test_warming_up_runs_both_networks_at_every_size_in_service() -> None:
    class Counting(PixelDetector):
        sizes: list[int] = []  # noqa: RUF012 - a fake

        def detect(
            self, pictures: Sequence[Picture], *, min_score: float | None, long_side: int
        ) -> list[list[Detection]]:
            self.sizes.append(len(pictures))
            return super().detect(pictures, min_score=min_score, long_side=long_side)

    classifier = PixelClassifier()
    Analyser(Counting(), classifier).warm_up(batch=8)
    assert Counting.sizes == [1, 8]
    assert classifier.batches == 2


def test_a_model_error_is_passed_on() -> None:
    class Broken(PixelDetector):
        def detect(
            self, pictures: Sequence[Picture], *, min_score: float | None, long_side: int
        ) -> list[list[Detection]]:
            raise ModelError("out of order")

    with pytest.raises(ModelError, match="out of order"):
        Analyser(Broken(), PixelClassifier()).analyse([_picture(faces=1)])
