"""Errors as pictures: which kind each is, and that the sheets are written."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from maskwatch.errors import MediaError
from training.detector.scenes import Scene
from training.evaluate.classifier import UNREADABLE, Looks
from training.evaluate.detection import FoundFaces
from training.evaluate.mistakes import finding_mistakes, reading_mistakes, write_mistakes


def scene(*boxes: tuple[float, ...], source: str = "chin") -> Scene:
    faces = np.array(boxes, np.float32).reshape(-1, 4)
    return Scene("a.png", source, "g", (640, 360), faces, ("mask",) * len(faces))


def found(*rows: tuple[float, ...]) -> FoundFaces:
    table = np.array(rows, float).reshape(-1, 5)
    return FoundFaces(table[:, :4], table[:, 4])


def kinds(of: Scene, faces: FoundFaces) -> dict[str, list[str]]:
    sorted_out = finding_mistakes([of], [faces], threshold=0.5)
    return {kind: [one.caption for one in mistakes] for kind, mistakes in sorted_out.items()}


def test_each_error_is_of_one_kind() -> None:
    labelled = scene((10, 10, 50, 50), (100, 10, 140, 50), (200, 10, 240, 50), (300, 10, 340, 49))
    faces = found(
        (11, 11, 50, 50, 0.9),  # right
        (10, 12, 50, 52, 0.8),  # the same face again
        (105, 10, 185, 50, 0.7),  # half beside it
        (400, 10, 440, 50, 0.6),  # no face is labelled there
        (200, 10, 240, 50, 0.4),  # below the threshold: missed
    )
    assert kinds(labelled, faces) == {
        "unlabelled": ["0.60"],
        "misplaced": ["0.80 iou 0.90", "0.70 iou 0.41"],
        "missed": ["40 px", "39 px"],
    }


def test_what_is_too_low_to_be_judged_is_no_error() -> None:
    small = found((400, 10, 410, 30, 0.9))
    assert kinds(scene((10, 10, 20, 30), source="jolignier"), small) == {
        "unlabelled": [], "misplaced": [], "missed": [],
    }  # fmt: skip
    assert kinds(scene((10, 10, 20, 30)), small)["unlabelled"] == ["0.90"]
    assert kinds(scene((10, 10, 20, 30)), small)["missed"] == ["20 px"]


def test_a_look_read_as_another_class_is_an_error_an_unreadable_one_is_none() -> None:
    looks = Looks(
        sources=np.array(["chin"] * 3),
        files=np.array(["a.png", "b.png", "c.png"]),
        boxes=np.array([[10.0, 10, 50, 50]] * 3),
        truths=np.array([0, 0, 1]),
        answers=np.array([0, 1, UNREADABLE]),
        probabilities=np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.4, 0.4, 0.2]]),
        heights_px=np.full(3, 40.0),
        heights_640=np.full(3, 40.0),
        scores=np.full(3, 0.9),
    )
    (only,) = reading_mistakes(looks)["read"]
    assert (only.file, only.caption) == ("b.png", "mask>no_ma 0.80")


def test_sheets_show_label_and_find_and_name_a_picture_that_is_gone(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((360, 640, 3), 128, np.uint8))
    mistakes = finding_mistakes(
        [scene((100, 10, 140, 50))], [found((120, 10, 160, 50, 0.7))], threshold=0.5
    )
    (path,) = write_mistakes(tmp_path, mistakes, tmp_path, name="detector")
    assert path.name == "detector-misplaced.png"
    sheet = cv2.imread(str(path)).astype(int)
    is_green = (sheet[..., 1] - sheet[..., 2] > 80).any()
    is_red = (sheet[..., 2] - sheet[..., 1] > 80).any()
    assert is_green
    assert is_red
    (tmp_path / "a.png").unlink()
    with pytest.raises(MediaError, match=r"a\.png"):
        write_mistakes(tmp_path, mistakes, tmp_path, name="detector")
