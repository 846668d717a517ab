"""Faces that nobody labelled: found by the net that training starts from, and then left alone.

Background faces in web pictures often lack a label. Calling each of them wrong teaches a net to
miss small faces, so they are neither hits nor misses in training. Measurements know nothing of it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from maskwatch.geometry import boxes_to_array, iou_matrix
from models.face_detector import FaceDetector
from training.detector.fused import FusedDetector
from training.detector.network import YUNET_WIDTHS
from training.detector.scenes import PictureCache, Scene
from training.detector.start import is_yunet, start_model
from training.detector.validate import FusedRuntime
from training.disk import write_text_whole

SURE = 0.6
"""Score from which the starting net is believed where no label is."""

_SAME_FACE_IOU = 0.3


def mark_unlabelled(
    scenes: list[Scene], cache: PictureCache, start: Path | None, record: Path
) -> list[Scene]:
    """Returns the scenes with their unlabelled faces.

    Args:
        scenes: Of the training split.
        cache: Their pictures.
        start: YuNet's file, which then looks at every scene; any other start marks nothing.
        record: Where the answer is kept, so that a resumed run need not look again.

    Raises:
        ModelError: The start is damaged.
        StorageError: The disk refused the record.
    """
    if not record.exists():
        found = _look(scenes, cache, start) if start and is_yunet(start) else {}
        write_text_whole(record, json.dumps(found))
    known = json.loads(record.read_text(encoding="utf-8"))
    return [
        replace(scene, unlabelled=np.array(known[scene.file], np.float32).reshape(-1, 4))
        if scene.file in known
        else scene
        for scene in scenes
    ]


def _look(scenes: list[Scene], cache: PictureCache, start: Path) -> dict[str, list[list[float]]]:
    network = FusedDetector(start_model(YUNET_WIDTHS, start, seed=0), uses_bfloat16=False)
    detector = FaceDetector(FusedRuntime(network, torch.device("cpu")))
    found: dict[str, list[list[float]]] = {}
    for scene in scenes:
        faces = detector.detect([cache.read(scene)], min_score=SURE)[0]
        boxes = boxes_to_array([face.box for face in faces])
        overlaps = iou_matrix(boxes, scene.boxes.astype(np.float64))
        is_new = overlaps.max(1, initial=0.0) < _SAME_FACE_IOU
        if is_new.any():
            found[scene.file] = boxes[is_new].round(1).tolist()
    return found
