"""Cutting faces out of pictures."""

import numpy as np
import pytest

from maskwatch.geometry import Box
from models.crops import crop_face


def test_a_face_inside_is_cut_pixel_for_pixel() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (100, 200, 3), np.uint8)
    cut = crop_face(picture, Box(50, 20, 90, 60), side_px=54, span=1.35)
    np.testing.assert_array_equal(cut, picture[13:67, 43:97])


@pytest.mark.parametrize(
    "corners",
    [
        (0, 0, 10, 10),
        (-50, -50, 10, 10),
        (190, 90, 300, 300),
        (250, 250, 260, 260),
        (-90, -90, -50, -60),
        (50, 20, 51, 21),
        (50.5, 20.5, 50.5, 20.5),
        (-5000, -5000, 5000, 5000),
    ],
)
def test_a_box_anywhere_gives_a_crop_of_the_asked_size(corners: tuple[float, ...]) -> None:
    picture = np.zeros((100, 200, 3), np.uint8)
    assert crop_face(picture, Box(*corners), side_px=96).shape == (96, 96, 3)


def test_beyond_the_picture_its_edge_is_repeated() -> None:
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[:, 0] = 200
    cut = crop_face(picture, Box(-20, 10, 20, 30), side_px=54, span=1.35)
    assert (cut[27, :24] == 200).all()
    assert (cut[27, 30:] == 0).all()


def test_a_16_pixel_picture_can_be_cut() -> None:
    picture = np.full((16, 16, 3), 9, np.uint8)
    assert (crop_face(picture, Box(0, 0, 16, 16), side_px=96) == 9).all()
