"""Several looks at one picture are joined into one answer."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from maskwatch.geometry import Box
from models.careful import SIZES, CarefulDetector, Look, fuse
from models.face_detector import Detection

LOOKS = 2 * len(SIZES)
PICTURE = np.zeros((100, 200, 3), np.uint8)


def face(x1: float, y1: float, x2: float, y2: float, score: float) -> Detection:
    return Detection(Box(x1, y1, x2, y2), score)


class Scripted:
    """Answers what a function of the picture and its size says."""

    def __init__(self, answer: Callable[[NDArray[np.uint8], int], list[Detection]]) -> None:
        self._answer = answer
        self.asked: list[tuple[float | None, int]] = []

    @property
    def min_score(self) -> float:
        return 0.5

    def detect(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        *,
        min_score: float | None = None,
        long_side: int = 640,
    ) -> list[list[Detection]]:
        self.asked.append((min_score, long_side))
        return [self._answer(picture, long_side) for picture in pictures]


def bright_half(picture: NDArray[np.uint8], _long_side: int) -> list[Detection]:
    """A detector that sees a face at the first bright column."""
    columns = np.flatnonzero(picture.max((0, 2)))
    return [face(float(columns[0]), 10, float(columns[-1] + 1), 60, 0.8)] if len(columns) else []


def test_a_face_seen_in_every_look_keeps_its_box_and_score() -> None:
    picture = PICTURE.copy()
    picture[:, 30:70] = 255
    found = CarefulDetector(Scripted(bright_half)).detect([picture])[0]
    assert len(found) == 1
    assert found[0].box.as_list() == pytest.approx([30, 10, 70, 60])
    assert found[0].score == pytest.approx(0.8)


def test_the_picture_is_seen_in_every_size_and_mirrored_at_a_low_threshold() -> None:
    detector = Scripted(bright_half)
    CarefulDetector(detector).detect([PICTURE], min_score=0.4, long_side=640)
    assert sorted(side for _, side in detector.asked) == [480, 480, 640, 640, 832, 832, 1024, 1024]
    assert {score for score, _ in detector.asked} == {0.05}
    CarefulDetector(detector).detect([PICTURE], min_score=0.01)
    assert detector.asked[-1][0] == 0.01


def test_what_one_look_alone_sees_is_not_sure_enough() -> None:
    def only_large(_picture: NDArray[np.uint8], long_side: int) -> list[Detection]:
        return [face(10, 10, 40, 40, 0.9)] if long_side == 832 else []

    detector = CarefulDetector(Scripted(only_large))
    assert detector.detect([PICTURE]) == [[]]
    # Found plain and, elsewhere, in the mirror: each has one of the looks behind it.
    scores = [found.score for found in detector.detect([PICTURE], min_score=0.1)[0]]
    assert scores == pytest.approx([0.9 / LOOKS] * 2)


def test_the_box_is_the_mean_weighted_by_the_scores() -> None:
    (joined,) = fuse([Look([face(0, 0, 30, 30, 0.9)]), Look([face(4, 0, 34, 30, 0.3)])])
    assert joined.box.x1 == pytest.approx(1.0)
    assert joined.box.x2 == pytest.approx(31.0)
    assert joined.score == pytest.approx(0.6)


def test_of_one_look_only_the_surest_box_counts_and_the_rest_gives_way() -> None:
    joined = fuse([Look([face(0, 0, 30, 30, 0.9), face(2, 0, 32, 30, 0.5)])])
    assert [found.score for found in joined] == [0.9]


def test_two_people_side_by_side_stay_two() -> None:
    looks = [Look([face(0, 0, 30, 30, 0.9), face(25, 0, 55, 30, 0.7)])] * 3
    assert [found.score for found in fuse(looks)] == pytest.approx([0.9, 0.7])


def test_no_faces_and_no_pictures_are_answers_too() -> None:
    detector = CarefulDetector(Scripted(lambda *_: []))
    assert detector.detect([PICTURE]) == [[]]
    assert detector.detect([]) == []
    assert detector.min_score == 0.5


def test_a_look_has_a_say_only_on_the_sizes_it_knows() -> None:
    large, small = face(0, 0, 90, 90, 0.8), face(200, 0, 210, 10, 0.8)
    looks = [Look([large, small]), Look([], most_px=50), Look([], least_px=20)]
    scores = {round(found.box.width): found.score for found in fuse(looks)}
    assert scores == pytest.approx({90: 0.4, 10: 0.4})
    assert fuse([Look([large], most_px=50)]) == []


def test_a_close_face_is_left_to_the_smallest_look_and_a_tiny_one_to_the_large_ones() -> None:
    # In a picture 640 px wide: 400 px is more than any but the smallest look is asked about.
    picture = np.zeros((480, 640, 3), np.uint8)
    answers = {
        480: [face(100, 40, 500, 440, 0.9), face(20, 20, 29, 29, 0.9)],
        640: [face(20, 20, 29, 29, 0.9)],
    }
    detector = CarefulDetector(Scripted(lambda _picture, side: answers.get(side, [])))
    found = detector.detect([picture], min_score=0.1)[0]
    assert [round(one.box.width) for one in found] == [400]
    assert found[0].score > 0.4
