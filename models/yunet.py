"""OpenCV's YuNet, for users who bring its file: another detector behind the same call."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.errors import ModelError
from maskwatch.geometry import Box
from models.face_detector import Detection

_LEAST_SCORE = 0.02
_DEFAULT_SCORE = 0.6
_NMS_IOU = 0.3
_MOST_CANDIDATES = 5000


class YuNetDetector:
    """YuNet through `cv2.FaceDetectorYN`; always on the CPU."""

    def __init__(self, path: Path) -> None:
        """Loads the network.

        Raises:
            ModelError: The file is missing or not YuNet.
        """
        if not path.is_file():
            raise ModelError(
                f"workers.detector = 'yunet:{path}': no such file; take YuNet from "
                "OpenCV's model zoo, or use 'builtin'"
            )
        try:
            self._detector = cv2.FaceDetectorYN.create(
                str(path), "", (320, 320), _LEAST_SCORE, _NMS_IOU, _MOST_CANDIDATES
            )
            self._detector.detect(np.zeros((320, 320, 3), np.uint8))
        except cv2.error as error:
            reason = str(error.err) if hasattr(error, "err") else type(error).__name__
            raise ModelError(
                f"workers.detector = 'yunet:{path}': not a YuNet that OpenCV can run ({reason})"
            ) from error

    @property
    def min_score(self) -> float:
        """The detector's own threshold."""
        return _DEFAULT_SCORE

    def detect(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        *,
        min_score: float | None = None,
        long_side: int = 640,
    ) -> list[list[Detection]]:
        """Returns the faces of each picture, surest first.

        Args:
            pictures: uint8 (H, W, 3), BGR, each of any size.
            min_score: Faces below it are left out.
            long_side: Pixels of the longer side of a picture as the network sees it.
        """
        least = _DEFAULT_SCORE if min_score is None else min_score
        return [self._faces(picture, least, long_side) for picture in pictures]

    def _faces(
        self, picture: NDArray[np.uint8], min_score: float, long_side: int
    ) -> list[Detection]:
        height, width = picture.shape[:2]
        scale = long_side / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        self._detector.setInputSize(size)
        _, found = self._detector.detect(cv2.resize(picture, size, interpolation=how))
        if found is None:
            return []
        faces = []
        for row in found:
            x, y, box_width, box_height = (float(value) for value in row[:4])
            box = Box(x, y, x + box_width, y + box_height)
            clipped = box.scaled(width / size[0], height / size[1]).clipped(width, height)
            if float(row[-1]) >= min_score and clipped.area > 0:
                faces.append(Detection(clipped, float(row[-1])))
        return sorted(faces, key=lambda face: -face.score)
