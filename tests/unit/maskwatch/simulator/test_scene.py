"""Frames of simulated cameras."""

from dataclasses import replace

import cv2
import numpy as np

from ingest.sanity import SanityCheck
from ingest.source import CapturedFrame
from maskwatch.simulator.scene import Scene
from tests.support.videos import TINY


def test_the_same_settings_give_the_same_pixels_in_any_order() -> None:
    first, second = Scene(TINY), Scene(TINY)

    second.frame(40)

    np.testing.assert_array_equal(first.frame(25), second.frame(25))


def test_another_camera_films_another_corridor() -> None:
    assert np.abs(_empty(0).astype(int) - _empty(1)).mean() > 5


def test_people_are_where_the_truth_says() -> None:
    scene = Scene(replace(TINY, noise=0.0))
    empty = scene.picture(0)

    for passage in scene.truth().passages:
        for look in passage.looks[::5]:
            picture = scene.picture(look.frame)
            x1, y1, x2, y2 = (round(edge) for edge in look.box.as_list())
            changed = np.abs(picture[y1:y2, x1:x2].astype(int) - empty[y1:y2, x1:x2]).max(axis=2)
            assert (changed > 8).mean() > 0.6


def test_a_sensor_never_gives_the_same_picture_twice() -> None:
    scene = Scene(TINY)

    assert not np.array_equal(scene.frame(0), scene.frame(1))


def test_light_changes_during_a_film() -> None:
    scene = Scene(replace(TINY, noise=0.0))

    brightness = [scene.frame(index)[: TINY.height].mean() for index in range(0, TINY.frames, 8)]

    assert max(brightness) > 1.15 * min(brightness)


def test_no_frame_looks_damaged_to_ingest() -> None:
    scene = Scene(TINY)
    check = SanityCheck()

    for index in range(0, TINY.frames, 7):
        bgr = np.asarray(cv2.cvtColor(scene.frame(index), cv2.COLOR_YUV2BGR_I420), np.uint8)
        frame = _captured(bgr, time_s=index / TINY.fps)
        assert check.judge(frame, bgr, time_s=index / TINY.fps) is None


def _empty(camera: int) -> np.ndarray:
    return Scene(replace(TINY, camera=camera, noise=0.0)).picture(0)


def _captured(bgr: np.ndarray, *, time_s: float) -> CapturedFrame:
    return CapturedFrame(bgr, time_s, arrived_at_s=time_s, arrived_at_unix_s=time_s)
