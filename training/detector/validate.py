"""Measuring a network in training the way the product uses it, one report for each source."""

from __future__ import annotations

import logging

import numpy as np
import torch
from numpy.typing import NDArray

from maskwatch.geometry import boxes_to_array
from models.face_detector import FaceDetector
from training.detector.fused import FusedDetector
from training.detector.scenes import SMALL_OFTEN_UNLABELLED, PictureCache, Scene
from training.evaluate.detection import (
    SMALLEST_FACE_PX,
    DetectionReport,
    FoundFaces,
    LabelledFaces,
    measure_detection,
)

_logger = logging.getLogger(__name__)

LOWEST_SCORE = 0.02
"""What a precision-recall curve needs: far below any useful threshold."""


class FusedRuntime:
    """Lets :class:`FaceDetector` run a network that is still in training."""

    def __init__(self, network: FusedDetector, device: torch.device) -> None:
        self._network = network
        self._device = device

    def run(self, batch: NDArray[np.generic]) -> list[NDArray[np.float32]]:
        """Returns the logits (N, 6, A) of pictures (N, H, W, 3)."""
        with torch.no_grad():
            maps = self._network(torch.from_numpy(batch).to(self._device))
        return [torch.cat([grid.flatten(2) for grid in maps], 2).float().cpu().numpy()]


def measurable(scenes: list[Scene]) -> list[Scene]:
    """Returns the scenes of sources with a face to judge; the log names the others.

    Where no source is left, a run has no figures, and its last weights count as its best.

    Args:
        scenes: Of the validation split.
    """
    sources = {scene.source for scene in scenes}
    judged = {scene.source for scene in scenes if scene.truth.has_judged_face}
    if not judged:
        _logger.warning(
            "no validation picture has a face to measure: the last weights will count as the best; "
            'add labelled pictures, or give some "split": "val" in labels.jsonl'
        )
        return []
    for source in sorted(sources - judged):
        _logger.warning(
            "%s: no face in its validation pictures is %.0f px or higher at 640 wide: "
            "it is not measured",
            source,
            max(SMALLEST_FACE_PX, SMALL_OFTEN_UNLABELLED.get(source, 0.0)),
        )
    return [scene for scene in scenes if scene.source in judged]


def measure_by_source(
    detector: FaceDetector, scenes: list[Scene], cache: PictureCache, *, long_side: int = 640
) -> dict[str, DetectionReport]:
    """A report for each source among the scenes.

    Raises:
        ValueError: A source has no face to judge; see `measurable`.
    """
    truths: dict[str, list[LabelledFaces]] = {}
    found: dict[str, list[FoundFaces]] = {}
    for scene in scenes:
        faces = detector.detect([cache.read(scene)], min_score=LOWEST_SCORE, long_side=long_side)[0]
        truths.setdefault(scene.source, []).append(scene.truth)
        found.setdefault(scene.source, []).append(
            FoundFaces(
                boxes=boxes_to_array([face.box for face in faces]),
                scores=np.array([face.score for face in faces], np.float64),
            )
        )
    return {source: measure_detection(truths[source], found[source]) for source in truths}
