"""The two portraits, cut out."""

import importlib.util
from importlib.machinery import ModuleSpec

import numpy as np
import pytest

from maskwatch.errors import MediaError
from maskwatch.simulator import portraits
from maskwatch.simulator.portraits import HEIGHT, NAMES, WIDTH, load_portraits


@pytest.mark.parametrize("name", NAMES)
def test_the_face_is_inside_the_cut_out_and_the_corners_are_not(name: str) -> None:
    portrait = load_portraits()[name]

    assert portrait.bgr.shape == (HEIGHT, WIDTH, 3)
    marks = portrait.landmarks
    for x, y in (marks.eye_left, marks.eye_right, marks.nose_tip, marks.lip_bottom):
        assert portrait.alpha[round(y), round(x)] == 255
    assert portrait.alpha[0, 0] == portrait.alpha[0, -1] == 0


@pytest.mark.parametrize("name", NAMES)
def test_faces_are_as_tall_as_the_canvas_promises(name: str) -> None:
    marks = load_portraits()[name].landmarks

    chin_below_centre = marks.chin[1] - portraits.CENTER[1]

    assert chin_below_centre == pytest.approx(portraits.FACE_HEIGHT_PX / 2, abs=6)
    assert marks.eye_left[0] < marks.nose_tip[0] < marks.eye_right[0]


def test_a_missing_package_is_one_line_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def find_nothing(name: str, package: str | None = None) -> ModuleSpec | None:
        return None

    load_portraits.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", find_nothing)

    with pytest.raises(MediaError, match=r"'skimage'.*pip install 'maskwatch\[demo\]'") as caught:
        load_portraits()

    assert "\n" not in str(caught.value)
    load_portraits.cache_clear()


def test_a_smooth_outline_goes_through_its_points() -> None:
    corners = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]])

    curve = portraits.smooth_outline(corners, steps=4)

    assert curve.shape == (16, 2)
    np.testing.assert_allclose(curve[::4], corners)
