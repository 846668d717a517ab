"""Public face detectors, run as their authors mean them to be, to be measured beside ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.geometry import boxes_to_array
from models.careful import CarefulDetector
from models.face_detector import FaceDetector, suppress
from models.registry import Detector
from models.runtimes.onnx import OnnxRuntime
from models.yunet import YuNetDetector
from training.evaluate.detection import FoundFaces

Picture = NDArray[np.uint8]
Finder = Callable[[Picture], FoundFaces]

LOWEST_SCORE = 0.02
"""What a precision-recall curve needs: far below any useful threshold."""

_KEPT_BEFORE_SUPPRESSION = 5000
_YUNET_NMS_IOU = 0.3
_RFB_NMS_IOU = 0.4
_RFB_SIZE = (640, 480)


def ours(path: Path | None, *, long_side: int = 640, threads: int | None = None) -> Finder:
    """Our detector, the built-in one where ``path`` is None."""
    return _finder(FaceDetector.load(path, threads=threads), long_side)


def ours_careful(path: Path | None) -> Finder:
    """The same as `maskwatch analyze` looks at still pictures."""
    return _finder(CarefulDetector(FaceDetector.load(path)), 640)


def yunet_careful(path: Path) -> Finder:
    """YuNet with as many looks."""
    return _finder(CarefulDetector(YuNetDetector(path)), 640)


def _finder(detector: Detector, long_side: int) -> Finder:
    def find(picture: Picture) -> FoundFaces:
        faces = detector.detect([picture], min_score=LOWEST_SCORE, long_side=long_side)[0]
        return FoundFaces(
            boxes_to_array([face.box for face in faces]),
            np.array([face.score for face in faces], np.float64),
        )

    return find


def yunet(path: Path, *, long_side: int) -> Finder:
    """YuNet through OpenCV, on the picture with its longer side at ``long_side`` pixels."""
    detector = cv2.FaceDetectorYN.create(
        str(path), "", (320, 320), LOWEST_SCORE, _YUNET_NMS_IOU, _KEPT_BEFORE_SUPPRESSION
    )

    def find(picture: Picture) -> FoundFaces:
        height, width = picture.shape[:2]
        scale = long_side / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        detector.setInputSize(size)
        _, rows = detector.detect(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR))
        # OpenCV gives None for no face, whatever its stubs say.
        found = cast("NDArray[np.float32] | None", rows)
        if found is None:
            return FoundFaces(np.zeros((0, 4)), np.zeros(0))
        corners = np.concatenate([found[:, :2], found[:, :2] + found[:, 2:4]], axis=1)
        ratio = np.array([width / size[0], height / size[1]] * 2)
        return FoundFaces(corners.astype(np.float64) * ratio, found[:, -1].astype(np.float64))

    return find


def rfb(path: Path, *, threads: int | None = None) -> Finder:
    """Ultra-Light RFB with classes background, face and masked face; either is a face here."""
    runtime = OnnxRuntime(path, threads=threads)

    def find(picture: Picture) -> FoundFaces:
        height, width = picture.shape[:2]
        scale = min(_RFB_SIZE[0] / width, _RFB_SIZE[1] / height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        canvas = np.zeros((_RFB_SIZE[1], _RFB_SIZE[0], 3), np.float32)
        canvas[: size[1], : size[0]] = cv2.resize(picture, size)[..., ::-1]
        planes = ((canvas - 127) / 128).transpose(2, 0, 1)[None]
        classes, corners = runtime.run(planes)
        scores = classes[0, :, 1:].max(1)
        likely = scores >= LOWEST_SCORE
        boxes = corners[0, likely] * np.array(_RFB_SIZE * 2, np.float32)
        kept = suppress(boxes, scores[likely], iou=_RFB_NMS_IOU)
        ratio = np.array([width / size[0], height / size[1]] * 2)
        return FoundFaces(
            boxes[kept].astype(np.float64) * ratio, scores[likely][kept].astype(np.float64)
        )

    return find
