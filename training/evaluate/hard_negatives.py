"""Bare faces that look masked: what covers the mouth of the test split's unmasked faces.

The labels say `no_mask` and no more. `covered_faces.json` says by file and box what is before the
mouth; one person wrote it while looking at all unmasked test faces of 24 px and more.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from maskwatch.geometry import Box, boxes_to_array, iou_matrix

NAMES: Final = {
    "hand": "hard negatives: mouth behind a hand or an arm",
    "cloth": "hard negatives: mouth behind cloth (scarf, collar, towel, tissue)",
    "thing": "hard negatives: mouth behind a thing (microphone, medal, phone, book, another head)",
    "beard": "hard negatives: bearded",
}
"""What is before the mouth, and the name of its slice."""

COVERED_FACES: Final = Path(__file__).with_name("covered_faces.json")
"""By file of the labelled scenes: x1, y1, x2, y2 in pixels and a key of `NAMES`."""
_MATCH_IOU: Final = 0.5


def causes(files: NDArray[np.str_], boxes: NDArray[np.float64]) -> NDArray[np.str_]:
    """What is before the mouth of each face: a key of `NAMES`, or "".

    Args:
        files: Picture of each face, as `labels.jsonl` names it (N,).
        boxes: As found (N, 4): x1, y1, x2, y2 in pixels of that picture.
    """
    return np.array(
        [_cause(str(file), box) for file, box in zip(files, boxes, strict=True)], np.str_
    )


def _cause(file: str, box: NDArray[np.float64]) -> str:
    known = _covered_faces().get(file, [])
    if not known:
        return ""
    overlaps = iou_matrix(box[None], boxes_to_array([covered for covered, _ in known]))[0]
    best = int(overlaps.argmax())
    return known[best][1] if overlaps[best] >= _MATCH_IOU else ""


@cache
def _covered_faces() -> dict[str, list[tuple[Box, str]]]:
    rows = json.loads(COVERED_FACES.read_text(encoding="utf-8"))
    return {
        file: [(Box(*map(float, row[:4])), str(row[4])) for row in faces]
        for file, faces in rows.items()
    }
