"""A second look at found faces: where a cut lies, how edges move, what becomes of scores."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from maskwatch.errors import ModelError
from maskwatch.geometry import Box
from models.card import Card, InputPart, RefinementPart
from models.face_detector import Detection
from models.face_refiner import (
    REACH,
    FaceRefiner,
    cut_square,
    edges_in_cut,
    refined,
)

SIDE, SPAN = 80, 1.8


def a_card(**changes: Any) -> Card:
    values: dict[str, Any] = {
        "name": "refiner of the tests",
        "task": "face_refiner",
        "engine": "onnx",
        "file": "none.onnx",
        "sha256": "0" * 64,
        "input": InputPart(size_px=SIDE, layout="nhwc", dtype="uint8", colour="bgr"),
        "span": SPAN,
    }
    return Card(**values | changes)


class BrightPatchNetwork:
    """Sees a face where it is bright: moves the edges onto the bright part, if there is one."""

    def run(self, batch: NDArray[np.generic]) -> list[NDArray[Any]]:
        answers = np.zeros((len(batch), 6), np.float32)
        for row, cut in enumerate(np.asarray(batch)):
            bright = cut.max(2) > 128
            if not bright.any():
                answers[row, :2] = -5
                continue
            rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
            found = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
            in_sides = (found - SIDE / 2) / (SIDE / SPAN)
            answers[row, :2] = 5
            # The box of the tests is square: its edges lie half a side from its middle.
            answers[row, 2:] = (in_sides - (-0.5, -0.5, 0.5, 0.5)) / REACH
        return [answers]


def a_picture() -> NDArray[np.uint8]:
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[60:110, 120:160] = 255
    return picture


def test_a_box_that_is_off_is_moved_onto_the_face() -> None:
    refiner = FaceRefiner(BrightPatchNetwork(), a_card())
    faces = refiner.refine(a_picture(), [Detection(Box(110, 50, 160, 100), 0.6)])
    assert faces[0].box.as_list() == pytest.approx([120, 60, 160, 110], abs=1.2)


def test_trust_says_how_far_the_edges_move() -> None:
    half = a_card(refinement=RefinementPart(trust=0.5))
    faces = FaceRefiner(BrightPatchNetwork(), half).refine(
        a_picture(), [Detection(Box(110, 50, 160, 100), 0.6)]
    )
    assert faces[0].box.as_list() == pytest.approx([115, 55, 160, 105], abs=0.8)


def test_what_shows_no_face_loses_its_score_and_a_face_keeps_it() -> None:
    rule = RefinementPart(found=1, face=1, placed=0.5)
    faces = FaceRefiner(BrightPatchNetwork(), a_card(refinement=rule)).refine(
        a_picture(),
        [Detection(Box(10, 10, 60, 60), 0.9), Detection(Box(115, 60, 165, 110), 0.5)],
    )
    assert [face.score > 0.5 for face in faces] == [True, False]
    assert faces[0].box.x1 == pytest.approx(120, abs=1.2)


def test_boxes_that_come_to_lie_on_one_face_become_one() -> None:
    faces = FaceRefiner(BrightPatchNetwork(), a_card()).refine(
        a_picture(),
        [Detection(Box(100, 50, 150, 100), 0.6), Detection(Box(125, 65, 175, 115), 0.7)],
    )
    assert len(faces) == 1


def test_boxes_stay_inside_the_picture_and_none_is_no_work() -> None:
    refiner = FaceRefiner(BrightPatchNetwork(), a_card())
    bright = np.full((100, 100, 3), 255, np.uint8)
    box = refiner.refine(bright, [Detection(Box(0, 0, 60, 60), 0.9)])[0].box
    assert box.x1 >= 0
    assert box.y1 >= 0
    assert refiner.refine(bright, []) == []


def test_more_cuts_than_a_batch_holds_are_answered_in_order() -> None:
    cuts = np.zeros((70, SIDE, SIDE, 3), np.uint8)
    cuts[33] = 255
    answers = FaceRefiner(BrightPatchNetwork(), a_card()).answers(cuts)
    assert answers.shape == (70, 6)
    assert np.flatnonzero(answers[:, 0] > 0).tolist() == [33]


@pytest.mark.parametrize("size", [8, 40, 150])
def test_a_cut_shows_the_box_in_its_middle_at_every_size(size: int) -> None:
    picture = np.zeros((400, 500, 3), np.uint8)
    picture[100 : 100 + size, 200 : 200 + size] = 255
    box = np.array([200, 100, 200 + size, 100 + size], float)
    cut = cut_square(picture, box, side_px=SIDE, span=2.0)
    bright = cut[..., 0] > 127
    assert np.flatnonzero(bright.any(0))[[0, -1]].tolist() == pytest.approx([20, 59], abs=1)
    assert np.flatnonzero(bright.any(1))[[0, -1]].tolist() == pytest.approx([20, 59], abs=1)


def test_a_mirrored_cut_and_its_edges_agree() -> None:
    picture = a_picture()
    box = np.array([100.0, 50, 150, 100])
    plain = cut_square(picture, box, side_px=SIDE, span=SPAN)
    mirrored = cut_square(picture, box, side_px=SIDE, span=SPAN, is_mirrored=True)
    np.testing.assert_array_equal(mirrored, plain[:, ::-1])
    face = np.array([120.0, 60, 160, 110])
    straight = edges_in_cut(face, box)
    turned = edges_in_cut(face, box, is_mirrored=True)
    assert turned.tolist() == pytest.approx([-straight[2], straight[1], -straight[0], straight[3]])


def test_a_box_beyond_the_picture_is_cut_from_its_edge() -> None:
    picture = np.full((50, 50, 3), 90, np.uint8)
    for box in ([-500.0, -500, -100, -100], [400.0, 400, 900, 900], [60.0, 10, 61, 11]):
        cut = cut_square(picture, np.array(box), side_px=SIDE, span=SPAN)
        assert (cut == 90).all()


def test_refined_boxes_come_surest_first_without_doubles() -> None:
    rule = RefinementPart(trust=0, overlap=0.5)
    boxes = np.array([[0.0, 0, 10, 10], [50, 50, 60, 60], [0, 0, 10, 11]])
    placed, chances = refined(
        rule, boxes, np.array([0.3, 0.8, 0.6]), np.zeros((3, 2)), np.zeros((3, 4))
    )
    assert placed.tolist() == [boxes[1].tolist(), boxes[2].tolist()]
    assert chances.tolist() == pytest.approx([0.8, 0.6], abs=1e-3)


def test_a_card_for_something_else_is_refused() -> None:
    with pytest.raises(ModelError, match="is for face_detector, a face_refiner is needed"):
        FaceRefiner(BrightPatchNetwork(), a_card(task="face_detector"))


def test_weights_of_another_network_are_refused() -> None:
    class Other:
        def run(self, batch: NDArray[np.generic]) -> list[NDArray[Any]]:
            return [np.zeros((len(batch), 3), np.float32)]

    with pytest.raises(ModelError, match=r"answer \(3,\), not \(6,\)"):
        FaceRefiner(Other(), a_card()).answers(np.zeros((1, SIDE, SIDE, 3), np.uint8))
