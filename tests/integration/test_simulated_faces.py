"""The built-in networks on simulated people: what the demo's counting rests on."""

import cv2
import numpy as np
import pytest

from maskwatch.config import Settings
from maskwatch.geometry import boxes_to_array, iou_matrix
from maskwatch.simulator.portraits import Picture
from maskwatch.simulator.scene import Scene, SceneSettings
from maskwatch.simulator.schedule import EMPTY_START_S
from maskwatch.simulator.truth import TrueLook
from models.registry import load_detector

SETTINGS = SceneSettings(seed=1, camera=0, fps=5.0, duration_s=40.0)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(SETTINGS)


def _bgr(scene: Scene, frame: int) -> Picture:
    return np.asarray(cv2.cvtColor(scene.frame(frame), cv2.COLOR_YUV2BGR_I420), np.uint8)


def test_faces_that_are_turned_to_the_camera_are_found(scene: Scene) -> None:
    detector = load_detector(Settings().workers)
    looks: dict[int, list[TrueLook]] = {}
    for passage in scene.truth().passages:
        for look in passage.looks:
            if look.box.height >= 40:
                looks.setdefault(look.frame, []).append(look)

    wanted = found = 0
    for frame in sorted(looks)[::4]:
        detections = detector.detect([_bgr(scene, frame)])[0]
        overlaps = iou_matrix(
            boxes_to_array([look.box for look in looks[frame]]),
            boxes_to_array([detection.box for detection in detections]),
        )
        wanted += len(looks[frame])
        found += int((overlaps.max(axis=1, initial=0) > 0.3).sum())

    assert wanted > 20
    assert found >= 0.9 * wanted


def test_an_empty_corridor_and_people_from_behind_have_no_face(scene: Scene) -> None:
    detector = load_detector(Settings().workers)
    with_faces = {look.frame for p in scene.truth().passages for look in p.looks}
    # Faces that are just entering or small are no part of the truth, and may be found.
    margin = {frame + step for frame in with_faces for step in range(-6, 7)}
    before = range(int(EMPTY_START_S * SETTINGS.fps))
    empty = [*before, *(f for f in range(SETTINGS.frames) if f not in margin)]

    detections = [detector.detect([_bgr(scene, frame)])[0] for frame in empty[::3]]

    assert len(empty) > 5
    assert sum(map(len, detections)) <= 1
