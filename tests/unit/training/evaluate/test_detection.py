"""Average precision and recall by height, on cases worked out by hand."""

import numpy as np
import pytest

from training.evaluate.detection import FoundFaces, LabelledFaces, measure_detection


def truth(
    *boxes: tuple[float, ...], to_640: float = 1.0, unlabelled_below_px: float = 0.0
) -> LabelledFaces:
    return LabelledFaces(np.array(boxes, float).reshape(-1, 4), to_640, unlabelled_below_px)


def found(*rows: tuple[float, ...]) -> FoundFaces:
    """Rows of x1, y1, x2, y2, score."""
    array = np.array(rows, float).reshape(-1, 5)
    return FoundFaces(array[:, :4], array[:, 4])


FACE, FAR = (0.0, 0.0, 20.0, 20.0), (100.0, 100.0, 140.0, 140.0)


def test_finding_every_face_and_nothing_else_is_perfect() -> None:
    report = measure_detection([truth(FACE, FAR)], [found((*FACE, 0.9), (*FAR, 0.8))])
    assert report.ap50 == 1.0
    assert report.recall_at_threshold == 1.0
    assert report.recall_by_height == {"16-24": 1.0, "32-64": 1.0}


def test_precision_is_interpolated_over_recall() -> None:
    wrong = (300.0, 300.0, 330.0, 330.0, 0.85)
    report = measure_detection([truth(FACE, FAR)], [found((*FACE, 0.9), wrong, (*FAR, 0.8))])
    # Half the faces at precision 1, the other half at 2 of 3.
    assert report.ap50 == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert report.threshold == 0.9
    assert report.recall_at_threshold == 0.5


def test_a_second_box_on_the_same_face_is_wrong() -> None:
    report = measure_detection([truth(FACE)], [found((*FACE, 0.5), (0.0, 0.0, 20.0, 19.0, 0.9))])
    assert report.precision.tolist() == [1.0, 0.5]


def test_the_overlap_that_makes_a_hit_can_be_chosen() -> None:
    off = (0.0, 9.0, 20.0, 29.0, 0.9)  # IoU 0.38
    assert measure_detection([truth(FACE)], [found(off)]).ap50 == 0.0
    assert measure_detection([truth(FACE)], [found(off)], match_iou=0.35).ap50 == 1.0


def test_faces_and_finds_below_the_limit_are_neither_hits_nor_misses() -> None:
    small = (200.0, 200.0, 220.0, 220.0)
    elsewhere = (300.0, 300.0, 320.0, 320.0)
    report = measure_detection(
        [truth(FAR, small, unlabelled_below_px=24)],
        [found((*FAR, 0.9), (*small, 0.8), (*elsewhere, 0.7))],
    )
    assert report.faces == 1
    assert report.ap50 == 1.0
    assert len(report.scores) == 1


def test_heights_are_taken_at_640_wide() -> None:
    report = measure_detection([truth(FACE, to_640=0.5)], [found((*FACE, 0.9))])
    assert report.faces_by_height == {"8-16": 1}


def test_no_face_to_judge_is_an_error() -> None:
    with pytest.raises(ValueError, match="no face"):
        measure_detection([truth((0, 0, 5, 5))], [found()])


def test_no_find_at_all_scores_nothing() -> None:
    report = measure_detection([truth(FACE)], [found()])
    assert (report.ap50, report.recall_at_threshold) == (0.0, 0.0)
