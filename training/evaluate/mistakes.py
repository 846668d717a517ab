"""What a network got wrong, as contact sheets: the pictures that say why a figure is not higher.

The sheets show people of the measured pictures; they belong in the folder of figures only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.contracts import CLASSES
from maskwatch.geometry import iou_matrix
from training.datasets.folders import read_picture
from training.datasets.sheets import contact_sheet
from training.detector.scenes import Scene
from training.disk import write_picture_whole
from training.evaluate.classifier import UNREADABLE, Looks
from training.evaluate.detection import Floats, FoundFaces, match_faces

Picture = NDArray[np.uint8]

TOUCHES_IOU = 0.1
"""From this overlap on, a find and a labelled face are taken for the same face."""

_TILE_PX, _CAPTION_PX, _COLUMNS, _MOST = 112, 14, 12, 96
_AROUND = 2.2  # side of a tile over the longer side of the face
_LABEL_BGR, _FIND_BGR, _TEXT_BGR = (60, 200, 60), (60, 60, 255), (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One face of a sheet.

    Attributes:
        file: Its picture, below the data folder.
        found: Box of the find, pixels of the picture; None where there is none.
        labelled: Box of the label; None where there is none.
        caption: What to say of it, a few characters.
        weight: The higher, the sooner it is shown.
    """

    file: str
    found: Floats | None
    labelled: Floats | None
    caption: str
    weight: float


def finding_mistakes(
    scenes: Sequence[Scene], found: Sequence[FoundFaces], *, threshold: float
) -> dict[str, list[Mistake]]:
    """Sorts what a detector got wrong at a threshold into three kinds.

    Args:
        scenes: Labelled pictures.
        found: Of each scene.
        threshold: Finds below this score are not looked at.

    Returns:
        ``unlabelled``: finds that touch no labelled face; ``misplaced``: finds that touch one and
        overlap none by 0.5, or one that a surer find has; ``missed``: labelled faces that
        no find touches. Faces and finds too low to be judged are in none of them.
    """
    kinds: dict[str, list[Mistake]] = {"unlabelled": [], "misplaced": [], "missed": []}
    for scene, faces in zip(scenes, found, strict=True):
        truth = scene.truth
        order = np.argsort(-faces.scores, kind="stable")
        order = order[faces.scores[order] >= threshold]
        boxes, scores = faces.boxes[order], faces.scores[order]
        overlaps = iou_matrix(boxes, truth.boxes)
        matched = match_faces(boxes, truth.boxes)
        is_judged = (boxes[:, 3] - boxes[:, 1]) * truth.to_640 >= truth.lowest_judged_px
        for find in np.flatnonzero((matched < 0) & is_judged):
            box, score, row = boxes[find], float(scores[find]), overlaps[find]
            best = float(row.max(initial=0.0))
            touches = best >= TOUCHES_IOU
            caption = f"{score:.2f} iou {best:.2f}" if touches else f"{score:.2f}"
            kinds["misplaced" if touches else "unlabelled"].append(
                Mistake(
                    scene.file, box, truth.boxes[row.argmax()] if touches else None, caption, score
                )
            )
        alone = overlaps.max(0, initial=0.0) < TOUCHES_IOU
        heights = truth.heights_at_640
        for face in np.flatnonzero(alone & (heights >= truth.lowest_judged_px)):
            caption = f"{heights[face]:.0f} px"
            kinds["missed"].append(
                Mistake(scene.file, None, truth.boxes[face], caption, float(heights[face]))
            )
    return kinds


def reading_mistakes(looks: Looks) -> dict[str, list[Mistake]]:
    """Looks that were read as another class than labelled, surest first, under ``read``."""
    wrong = np.flatnonzero((looks.answers != looks.truths) & (looks.answers != UNREADABLE))
    return {
        "read": [
            Mistake(
                str(looks.files[row]),
                looks.boxes[row],
                None,
                f"{CLASSES[looks.truths[row]][:5]}>{CLASSES[looks.answers[row]][:5]} "
                f"{looks.probabilities[row].max():.2f}",
                float(looks.probabilities[row].max()),
            )
            for row in wrong.tolist()
        ]
    }


def write_mistakes(
    data: Path, kinds: Mapping[str, Sequence[Mistake]], out: Path, *, name: str
) -> list[Path]:
    """Writes ``{name}-{kind}.png`` for each kind that has any, and returns the paths.

    A label is drawn in green, a find in red.

    Args:
        data: Folder of the pictures.
        kinds: See `finding_mistakes` and `reading_mistakes`; the weightiest 96 of each are shown.
        out: Where the sheets go.
        name: How their names begin.

    Raises:
        MediaError: A picture cannot be decoded.
        StorageError: A sheet cannot be written.
    """
    written = []
    for kind, mistakes in kinds.items():
        shown = sorted(mistakes, key=lambda mistake: -mistake.weight)[:_MOST]
        if not shown:
            continue
        path = out / f"{name}-{kind}.png"
        tiles = [_tile(data, mistake) for mistake in shown]
        write_picture_whole(path, contact_sheet(tiles, columns=min(_COLUMNS, len(tiles))))
        written.append(path)
    return written


def _tile(data: Path, mistake: Mistake) -> Picture:
    """The surroundings of a face with its boxes and its caption, (126, 112, 3)."""
    picture = read_picture(data / mistake.file)
    boxes = [box for box in (mistake.found, mistake.labelled) if box is not None]
    low, high = np.min(boxes, 0)[:2], np.max(boxes, 0)[2:]
    scale = _TILE_PX / (_AROUND * max(float((high - low).max()), 1.0))
    matrix = np.array([[scale, 0, 0], [0, scale, 0]])
    matrix[:, 2] = _TILE_PX / 2 - scale * (low + high) / 2
    tile = np.zeros((_TILE_PX + _CAPTION_PX, _TILE_PX, 3), np.uint8)
    tile[:_TILE_PX] = cv2.warpAffine(picture, matrix, (_TILE_PX, _TILE_PX))
    for box, colour in ((mistake.labelled, _LABEL_BGR), (mistake.found, _FIND_BGR)):
        if box is not None:
            corners = (box.reshape(2, 2) * scale + matrix[:, 2]).round().astype(int)
            cv2.rectangle(tile[:_TILE_PX], corners[0].tolist(), corners[1].tolist(), colour, 1)
    place = (2, _TILE_PX + _CAPTION_PX - 4)
    cv2.putText(tile, mistake.caption, place, cv2.FONT_HERSHEY_SIMPLEX, 0.36, _TEXT_BGR, 1)
    return tile
