"""Real masks in another cloth: only the mask changes, and only where there is one."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.augment.prints import mask_region, reprinted

SIDE, FACE = 144, 72.0
CLOTH = (210, 190, 120)


def a_face(*, is_masked: bool) -> NDArray[np.uint8]:
    rng = np.random.default_rng(0)
    face = rng.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
    cv2.ellipse(face, (72, 76), (32, 42), 0, 0, 360, (120, 160, 210), -1)
    if is_masked:
        cv2.ellipse(face, (72, 90), (26, 18), 0, 0, 360, CLOTH, -1)
    return face


def test_the_region_is_the_mask_and_nothing_else() -> None:
    region = mask_region(a_face(is_masked=True), FACE)
    assert region is not None
    wanted = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(wanted, (72, 90), (26, 18), 0, 0, 360, (1.0,), -1)
    both, either = (region & wanted).sum(), (region | wanted).sum()
    assert both / either > 0.9


def test_only_the_mask_gets_another_cloth() -> None:
    face = a_face(is_masked=True)
    before = face.copy()
    again = reprinted(face, FACE, np.random.default_rng(4))
    np.testing.assert_array_equal(face, before)
    difference = np.abs(again.astype(int) - before.astype(int)).max(2)
    assert difference[80:100, 60:84].mean() > 20
    assert difference[:60].max() <= 1
    np.testing.assert_array_equal(again, reprinted(face, FACE, np.random.default_rng(4)))


def test_where_no_cloth_of_one_colour_is_made_out_the_picture_stays() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
    assert mask_region(noise, FACE) is None
    np.testing.assert_array_equal(reprinted(noise, FACE, np.random.default_rng(0)), noise)


def test_a_colour_that_runs_out_of_the_face_is_no_mask() -> None:
    assert mask_region(np.full((SIDE, SIDE, 3), 128, np.uint8), FACE) is None
