"""Masks drawn on portraits: what they hide is what makes the verdict."""

import numpy as np
import pytest

from maskwatch.contracts import Verdict
from maskwatch.simulator.face_masks import COLORS, FaceMask, MaskKind, Wear, draw_mask
from maskwatch.simulator.portraits import NAMES, load_portraits

BLACK = COLORS[MaskKind.CLOTH][0]


def _is_hidden(name: str, wear: Wear, part: str) -> bool:
    """Whether a black mask covers a part of the face."""
    portrait = load_portraits()[name]
    drawn = draw_mask(portrait.bgr, portrait.landmarks, FaceMask(MaskKind.CLOTH, wear, BLACK))
    x, y = getattr(portrait.landmarks, part)
    patch = drawn[round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3]
    return bool(patch.mean() < 70)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("wear", "hidden", "free"),
    [
        (Wear.WELL, ("nose_tip", "nose_base", "lip_bottom"), ("eye_left", "eye_right")),
        (Wear.NOSE_OUT, ("lip_bottom",), ("nose_tip", "bridge")),
        (Wear.ON_CHIN, (), ("nose_tip", "nose_base")),
    ],
)
def test_a_mask_hides_what_its_wear_says(
    name: str, wear: Wear, hidden: tuple[str, ...], free: tuple[str, ...]
) -> None:
    bare = {part for part in (*hidden, *free) if _is_hidden(name, Wear.NONE, part)}

    assert all(_is_hidden(name, wear, part) for part in hidden)
    assert not any(_is_hidden(name, wear, part) for part in set(free) - bare)


def test_a_mask_on_the_chin_is_drawn_below_the_lips() -> None:
    portrait = load_portraits()["collins"]
    x, y = portrait.landmarks.chin

    mask = FaceMask(MaskKind.CLOTH, Wear.ON_CHIN, BLACK)
    drawn = draw_mask(portrait.bgr, portrait.landmarks, mask)

    assert drawn[round(y) - 8, round(x)].mean() < 70
    assert portrait.bgr[round(y) - 8, round(x)].mean() > 100


def test_no_mask_leaves_the_picture_as_it_was() -> None:
    portrait = load_portraits()["hopper"]

    drawn = draw_mask(portrait.bgr, portrait.landmarks, FaceMask(MaskKind.FFP2, Wear.NONE, BLACK))

    np.testing.assert_array_equal(drawn, portrait.bgr)
    assert drawn is not portrait.bgr


def test_nose_out_and_on_the_chin_are_incorrect() -> None:
    assert {wear: wear.verdict for wear in Wear} == {
        Wear.WELL: Verdict.MASK,
        Wear.NOSE_OUT: Verdict.INCORRECT,
        Wear.ON_CHIN: Verdict.INCORRECT,
        Wear.NONE: Verdict.NO_MASK,
    }


def test_kinds_look_different_in_the_same_colour() -> None:
    portrait = load_portraits()["collins"]
    white = (230, 230, 230)

    drawn = [
        draw_mask(portrait.bgr, portrait.landmarks, FaceMask(kind, Wear.WELL, white)).astype(int)
        for kind in MaskKind
    ]

    for first, second in ((0, 1), (1, 2), (0, 2)):
        assert np.abs(drawn[first] - drawn[second]).max() > 30
