"""Drawn masks and camera faults: what they change, and what they must leave alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from training.augment.camera import CameraSettings, central_cut, take_look
from training.augment.masks import Wearing, can_wear, draw_mask

SIDE = 144
LANDMARKS = np.array([(56, 60), (88, 60), (72, 76), (60, 92), (84, 92)], np.float32)
SKIN = (120, 160, 210)


def a_face() -> NDArray[np.uint8]:
    face = np.full((SIDE, SIDE, 3), 90, np.uint8)
    cv2.ellipse(face, (72, 76), (32, 42), 0, 0, 360, SKIN, -1)
    return face


def changed(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.abs(before.astype(int) - after.astype(int)).max(2) > 25


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("wearing", "is_nose_covered", "is_mouth_covered"),
    [
        (Wearing.WELL, True, True),
        (Wearing.NOSE_OUT, False, True),
        (Wearing.CHIN, False, False),
    ],
)
def test_a_drawn_mask_covers_what_its_name_says(
    wearing: Wearing, is_nose_covered: bool, is_mouth_covered: bool, seed: int
) -> None:
    face = a_face()
    drawn = draw_mask(face, LANDMARKS, wearing, np.random.default_rng(seed))
    difference = changed(face, drawn)
    assert difference[74:78, 68:77].mean() > 0.5 if is_nose_covered else True
    assert not difference[70:74, 70:75].any() if not is_nose_covered else True
    assert (difference[91:94, 62:82].mean() > 0.5) == is_mouth_covered
    assert not difference[50:56, 56:88].any()


def test_only_a_well_worn_mask_is_a_mask() -> None:
    assert Wearing.WELL.label == "mask"
    assert {wearing.label for wearing in Wearing if wearing is not Wearing.WELL} == {"incorrect"}


def test_drawing_leaves_the_picture_given_as_it_was_and_repeats_itself() -> None:
    face = a_face()
    before = face.copy()
    first = draw_mask(face, LANDMARKS, Wearing.ONE_EAR, np.random.default_rng(3))
    second = draw_mask(face, LANDMARKS, Wearing.ONE_EAR, np.random.default_rng(3))
    np.testing.assert_array_equal(face, before)
    np.testing.assert_array_equal(first, second)
    assert changed(face, first).any()


def test_a_face_in_profile_is_not_drawn_on() -> None:
    assert can_wear(LANDMARKS)
    profile = LANDMARKS.copy()
    profile[1] = profile[0] + (6, 0)
    assert not can_wear(profile)


def test_a_look_has_the_asked_size_and_depends_on_the_generator_alone() -> None:
    settings = CameraSettings()
    looks = [
        take_look(
            a_face(), np.random.default_rng(7), settings, side_px=96, span=1.35, wide_span=2.0
        )
        for _ in range(2)
    ]
    assert looks[0].shape == (96, 96, 3)
    np.testing.assert_array_equal(looks[0], looks[1])


def test_without_any_fault_a_look_is_the_central_cut_or_its_mirror() -> None:
    rng = np.random.default_rng(0)
    wide = np.asarray(
        cv2.GaussianBlur(rng.integers(0, 255, (SIDE, SIDE, 3), np.uint8), (0, 0), 3), np.uint8
    )
    none = CameraSettings(**dict.fromkeys(CameraSettings.__dataclass_fields__, 0.0))
    look = take_look(wide, rng, none, side_px=96, span=1.35, wide_span=2.0)
    cut = central_cut(wide, side_px=96, share=1.35 / 2)
    gaps = [np.abs(look.astype(int) - other).mean() for other in (cut, cut[:, ::-1])]
    assert min(gaps) < 2


def test_a_small_face_loses_its_detail() -> None:
    wide = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    none = dict.fromkeys(CameraSettings.__dataclass_fields__, 0.0)
    small = CameraSettings(**none | {"small": 1.0, "smallest_px": 13, "largest_px": 14})
    sharp = CameraSettings(**none)
    details = [
        cv2.Laplacian(
            take_look(
                wide, np.random.default_rng(0), settings, side_px=96, span=1.35, wide_span=2.0
            ),
            cv2.CV_32F,
        ).var()
        for settings in (small, sharp)
    ]
    assert details[0] < 0.1 * details[1]
