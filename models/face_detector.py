"""Finding faces: pictures in, boxes with scores out."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.errors import ModelError
from maskwatch.geometry import Box
from models.preprocess import Letterbox, Picture, letterbox
from models.runtimes import Device, Runtime
from models.runtimes.onnx import OnnxRuntime

BUILTIN_WEIGHTS = Path(__file__).parent / "weights" / "face_detector.onnx"
STRIDES = (8, 16, 32)
DEFAULT_LONG_SIDE_PX = 640
DEFAULT_MIN_SCORE = 0.5
NMS_IOU = 0.4
# More than any crowd holds; bounds the work on a picture that looks like faces everywhere.
MAX_CANDIDATES = 2000
MAX_BATCH = 8
# exp() of more would overflow; no face is this many strides wide.
_MAX_LOG_SIZE = 8.0
_MAX_LOGIT = 40.0

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Detection:
    """One face.

    Attributes:
        box: In pixels of the picture given, inside it.
        score: 0 to 1; the higher, the surer.
    """

    box: Box
    score: float


class FaceDetector:
    """The built-in detector, or another with the same inputs and outputs."""

    def __init__(
        self, runtime: Runtime, *, min_score: float = DEFAULT_MIN_SCORE, batch: int = 1
    ) -> None:
        """Make a detector.

        Args:
            runtime: What runs the network.
            min_score: Used where `detect` is not given another.
            batch: Pictures in one run of the network, at most. 1 is quickest on a CPU, and gives a
                picture the same scores to the last bit whatever it arrives together with.
        """
        self._runtime = runtime
        self._min_score = min_score
        self._batch = batch

    @property
    def min_score(self) -> float:
        """The detector's own threshold."""
        return self._min_score

    @classmethod
    def load(
        cls,
        path: Path | None = None,
        *,
        threads: int | None = None,
        device: Device = "cpu",
        min_score: float = DEFAULT_MIN_SCORE,
    ) -> Self:
        """Returns the detector of a weights file; None is the built-in one.

        Args:
            path: The ``.onnx`` file.
            threads: Cores for one batch; None leaves it to the engine.
            device: What runs it.
            min_score: Used where `detect` is not given another.

        Raises:
            ModelError: The file is missing or damaged, or there is no such device.
        """
        runtime = OnnxRuntime(path or BUILTIN_WEIGHTS, threads=threads, device=device)
        return cls(runtime, min_score=min_score, batch=1 if device == "cpu" else MAX_BATCH)

    def detect(
        self,
        pictures: Sequence[Picture],
        *,
        min_score: float | None = None,
        long_side: int = DEFAULT_LONG_SIDE_PX,
    ) -> list[list[Detection]]:
        """Returns the faces of each picture, surest first.

        Args:
            pictures: uint8 (H, W, 3), BGR, each of any size.
            min_score: Faces below it are left out; None is the detector's own threshold.
            long_side: Pixels of the longer side of a picture as the network sees it.
        """
        threshold = self._min_score if min_score is None else min_score
        boxed = [letterbox(_checked(picture), long_side=long_side) for picture in pictures]
        by_shape: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for index, fitted in enumerate(boxed):
            by_shape[fitted.canvas.shape].append(index)
        found: list[list[Detection]] = [[] for _ in pictures]
        for indices in by_shape.values():
            for start in range(0, len(indices), self._batch):
                chunk = indices[start : start + self._batch]
                logits = self._run(np.stack([boxed[index].canvas for index in chunk]))
                for index, rows in zip(chunk, logits, strict=True):
                    found[index] = _faces(rows, boxed[index], pictures[index], threshold)
        return found

    def _run(self, canvases: Picture) -> Floats:
        """Logits (N, 6, A) of canvases (N, H, W, 3)."""
        logits = self._runtime.run(canvases)[0]
        expected = _anchors(*canvases.shape[1:3])[0].shape[0]
        if logits.ndim != 3 or logits.shape[1:] != (6, expected):
            raise ModelError(
                f"the face detector's output has shape {logits.shape}, not (N, 6, {expected}): "
                "these weights are of another network; check the detector in the configuration"
            )
        return logits


def _checked(picture: Picture) -> Picture:
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise ModelError(
            f"a picture for the face detector must be uint8 (H, W, 3), "
            f"not {picture.dtype} {picture.shape}; convert it to BGR first"
        )
    return picture


@lru_cache(maxsize=64)
def _anchors(height: int, width: int) -> tuple[Floats, Floats]:
    """Top left corner (A, 2) and stride (A, 1) of each cell, in the order of the logits."""
    corners, strides = [], []
    for stride in STRIDES:
        rows, columns = np.mgrid[0 : height // stride, 0 : width // stride]
        corners.append(np.stack([columns, rows], axis=-1).reshape(-1, 2) * stride)
        strides.append(np.full((corners[-1].shape[0], 1), stride))
    return np.concatenate(corners).astype(np.float32), np.concatenate(strides).astype(np.float32)


def decode(logits: Floats, *, height: int, width: int, min_score: float) -> tuple[Floats, Floats]:
    """Turns one picture's logits into boxes.

    Args:
        logits: (6, A): face, quality, centre offset (2) and log size (2), in strides.
        height: Of the canvas, pixels.
        width: Of the canvas, pixels.
        min_score: Cells below it are left out.

    Returns:
        Boxes (K, 4) as x1, y1, x2, y2 in pixels of the canvas, and scores (K,).
    """
    # sqrt(sigmoid(a) * sigmoid(b)), the geometric mean of "a face" and "well placed".
    against = np.exp(np.minimum(-logits[:2], _MAX_LOGIT))
    scores = 1.0 / np.sqrt((1.0 + against[0]) * (1.0 + against[1]))
    kept = np.flatnonzero(scores >= min_score)
    if kept.size > MAX_CANDIDATES:
        kept = kept[np.argsort(-scores[kept], kind="stable")[:MAX_CANDIDATES]]
    corners, strides = _anchors(height, width)
    center = corners[kept] + logits[2:4, kept].T * strides[kept]
    half = np.exp(np.minimum(logits[4:6, kept].T, _MAX_LOG_SIZE)) * strides[kept] / 2
    return np.concatenate([center - half, center + half], axis=1), scores[kept]


def suppress(boxes: Floats, scores: Floats, *, iou: float = NMS_IOU) -> NDArray[np.intp]:
    """Indices of the boxes that remain, surest first, where none overlaps a surer one by `iou`."""
    if not len(boxes):
        return np.empty(0, np.intp)
    corner_and_size = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    # OpenCV's stubs know sequences only; it takes arrays, and much faster.
    kept = cv2.dnn.NMSBoxes(corner_and_size, scores, 0.0, iou)  # type: ignore[arg-type]
    return np.asarray(kept, np.intp).reshape(-1)


def _faces(
    logits: Floats, fitted: Letterbox, picture: Picture, min_score: float
) -> list[Detection]:
    canvas_height, canvas_width = fitted.canvas.shape[:2]
    boxes, scores = decode(logits, height=canvas_height, width=canvas_width, min_score=min_score)
    height, width = picture.shape[:2]
    faces = []
    for index in suppress(boxes, scores):
        x1, y1, x2, y2 = (float(value) for value in boxes[index])
        box = Box(x1, y1, x2, y2).scaled(1 / fitted.scale_x, 1 / fitted.scale_y)
        clipped = box.clipped(width, height)
        if clipped.area > 0:
            faces.append(Detection(clipped, float(scores[index])))
    return faces
