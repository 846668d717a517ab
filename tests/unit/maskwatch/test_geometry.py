"""Boxes: sides, scaling, clipping, overlap."""

import numpy as np
import pytest

from maskwatch.geometry import Box, boxes_to_array, iou_matrix


def test_a_box_knows_its_sides_area_and_centre() -> None:
    box = Box(10, 20, 40, 60)
    assert (box.width, box.height, box.area, box.center) == (30, 40, 1200, (25, 40))


def test_an_inverted_box_has_no_area() -> None:
    assert Box(10, 10, 5, 20).area == 0


def test_a_scaled_box_fits_the_resized_picture() -> None:
    assert Box(10, 20, 40, 60).scaled(0.5, 2) == Box(5, 40, 20, 120)


@pytest.mark.parametrize(
    ("box", "clipped"),
    [
        (Box(-5, -6, 50, 60), Box(0, 0, 50, 60)),
        (Box(90, 90, 120, 130), Box(90, 90, 100, 100)),
        (Box(120, 10, 130, 20), Box(100, 10, 100, 20)),
    ],
)
def test_a_clipped_box_lies_in_the_picture(box: Box, clipped: Box) -> None:
    assert box.clipped(100, 100) == clipped


def test_a_box_as_json_has_its_corners() -> None:
    assert Box(1, 2, 3, 4).as_list() == [1, 2, 3, 4]


def test_no_boxes_make_an_empty_array() -> None:
    assert boxes_to_array([]).shape == (0, 4)
    assert boxes_to_array([Box(1, 2, 3, 4)]).tolist() == [[1, 2, 3, 4]]


def test_overlap_of_every_pair() -> None:
    first = boxes_to_array([Box(0, 0, 10, 10), Box(20, 20, 30, 30)])
    second = boxes_to_array([Box(0, 0, 10, 10), Box(5, 0, 15, 10), Box(100, 100, 110, 110)])
    expected = [[1.0, 50 / 150, 0.0], [0.0, 0.0, 0.0]]
    np.testing.assert_allclose(iou_matrix(first, second), expected)


def test_empty_boxes_do_not_divide_by_zero() -> None:
    nothing = boxes_to_array([Box(5, 5, 5, 5)])
    assert iou_matrix(nothing, nothing).tolist() == [[0.0]]


def test_without_boxes_the_matrix_is_empty() -> None:
    assert iou_matrix(boxes_to_array([]), boxes_to_array([Box(0, 0, 1, 1)])).shape == (0, 1)
