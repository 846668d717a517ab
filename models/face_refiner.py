"""A second look at each face that was found: its box placed anew, its score judged anew.

A one-stage detector sees a face through the few cells that its anchors fall on. The refiner is
given a square around the box, as the second stage of a cascade is (Zhang et al., "Joint face
detection and alignment using multi-task cascaded convolutional networks", 2016), and says whether
there is a face, where its edges are, and how likely they are near enough to the true ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.errors import ModelError
from maskwatch.geometry import Box, boxes_to_array
from models.card import Card, RefinementPart, check_weights, read_card
from models.face_detector import Detection, suppress
from models.runtimes import Device, Runtime
from models.runtimes.loading import load_runtime

BUILTIN_CARD = Path(__file__).parent / "weights" / "face_refiner.json"

ANSWERS = 6
"""Of one cut: logits of "a face" and of "well placed", then what its left, top, right and bottom
edge have to move by."""

REACH = 0.2
"""An answer of 1 moves an edge by this part of the longer side of the box."""

BATCH_BUCKETS = (1, 2, 4, 8, 16, 32)

_SMALLEST_SIDE_PX = 4.0
# Below this ratio a cut is shrunk by area first, or fine detail would flicker.
_SHRINKS_BELOW = 0.6
_LEAST = 1e-4

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]


def cut_square(
    picture: Picture, box: Floats, *, side_px: int, span: float, is_mirrored: bool = False
) -> Picture:
    """Returns the square around a box, exact to a fraction of a pixel; edges are repeated.

    Args:
        picture: uint8 (H, W, 3), any channel order, which is kept.
        box: x1, y1, x2, y2 in pixels of the picture; it may reach over the edge.
        side_px: Side of the result.
        span: Side of the square over the longer side of the box.
        is_mirrored: Left becomes right.
    """
    x, y, longer = middle_and_side(box)
    scale = side_px / (longer * span)
    if scale < _SHRINKS_BELOW:
        picture, x, y = _shrunk(picture, x, y, longer * span / 2, scale)
        scale = 1.0
    # Centres of pixels lie half a pixel off their corners.
    across = side_px / 2 - 0.5 - scale * (x - 0.5)
    down = side_px / 2 - 0.5 - scale * (y - 0.5)
    cut = cv2.warpAffine(
        picture,
        np.array([[scale, 0, across], [0, scale, down]]),
        (side_px, side_px),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(cut[:, ::-1] if is_mirrored else cut, np.uint8)


def middle_and_side(box: Floats) -> tuple[float, float, float]:
    """Returns the middle of a box, x and y, and its longer side, all in pixels."""
    x1, y1, x2, y2 = (float(value) for value in box)
    return (x1 + x2) / 2, (y1 + y2) / 2, max(x2 - x1, y2 - y1, _SMALLEST_SIDE_PX)


def _shrunk(
    picture: Picture, x: float, y: float, half: float, scale: float
) -> tuple[Picture, float, float]:
    """The part around a point at the scale of the cut, and the point in it."""
    height, width = picture.shape[:2]
    left, top = (
        min(max(int(x - half) - 2, 0), width - 1),
        min(max(int(y - half) - 2, 0), height - 1),
    )
    right, bottom = (
        max(min(int(x + half) + 3, width), left + 1),
        max(min(int(y + half) + 3, height), top + 1),
    )
    part = picture[top:bottom, left:right]
    size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    small = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    return small, (x - left) * size[0] / part.shape[1], (y - top) * size[1] / part.shape[0]


def edges_in_cut(edges: Floats, box: Floats, *, is_mirrored: bool = False) -> Floats:
    """Returns another box's edges (4,) as seen from a box: from its middle, in its longer side."""
    x, y, longer = middle_and_side(box)
    x1, y1, x2, y2 = (np.asarray(edges, np.float64) - (x, y, x, y)) / longer
    return np.array([-x2, y1, -x1, y2] if is_mirrored else [x1, y1, x2, y2])


class FaceRefiner:
    """A refining network with its card."""

    def __init__(self, runtime: Runtime, card: Card) -> None:
        """Joins a loaded network and its card.

        Raises:
            ModelError: The card is not that of a refiner.
        """
        if card.task != "face_refiner":
            raise ModelError(f"card {card.name}: is for {card.task}, a face_refiner is needed")
        self.card = card
        self._runtime = runtime

    @classmethod
    def load(
        cls, card_path: Path | None = None, *, threads: int | None = None, device: Device = "cpu"
    ) -> Self:
        """Returns the refiner of a card; None is the built-in one.

        Raises:
            ModelError: Card or weights are missing, damaged or do not fit each other.
        """
        path = card_path or BUILTIN_CARD
        card = read_card(path)
        weights = path.parent / card.file
        check_weights(card, weights)
        refiner = cls(load_runtime(card.engine, weights, threads=threads, device=device), card)
        refiner.answers(np.zeros((1, card.input.size_px, card.input.size_px, 3), np.uint8))
        return refiner

    def refine(self, picture: Picture, faces: Sequence[Detection]) -> list[Detection]:
        """Returns the faces with their boxes and scores anew, surest first, doubles left out.

        Each is looked at as it is and in the mirror.

        Args:
            picture: uint8 (H, W, 3), BGR.
            faces: What a detector found in it.
        """
        if not faces:
            return []
        boxes = boxes_to_array([face.box for face in faces])
        scores = np.array([face.score for face in faces], np.float64)
        placed, chances = refined(self.card.refinement, boxes, scores, *self.look(picture, boxes))
        height, width = picture.shape[:2]
        clipped = [Box(*edges).clipped(width, height) for edges in placed.tolist()]
        return [
            Detection(box, chance)
            for box, chance in zip(clipped, chances.tolist(), strict=True)
            if box.area > 0
        ]

    def look(self, picture: Picture, boxes: Floats) -> tuple[Floats, Floats]:
        """Returns the two logits (N, 2) and the edges (N, 4) in pixels of boxes (N, 4)."""
        sides = [self._look(picture, boxes, is_mirrored=mirrored) for mirrored in (False, True)]
        (logits, edges), (turned_logits, turned_edges) = sides
        return (logits + turned_logits) / 2, (edges + turned_edges) / 2

    def _look(self, picture: Picture, boxes: Floats, *, is_mirrored: bool) -> tuple[Floats, Floats]:
        side_px, span = self.card.input.size_px, self.card.span
        cuts = [
            cut_square(picture, box, side_px=side_px, span=span, is_mirrored=is_mirrored)
            for box in boxes
        ]
        answers = self.answers(np.stack(cuts))
        own = np.stack([edges_in_cut(box, box, is_mirrored=is_mirrored) for box in boxes])
        moved = own + REACH * answers[:, 2:]
        if is_mirrored:
            moved = np.stack([-moved[:, 2], moved[:, 1], -moved[:, 0], moved[:, 3]], axis=1)
        middles = np.array([middle_and_side(box) for box in boxes])
        edges = moved * middles[:, 2:] + middles[:, [0, 1, 0, 1]]
        return answers[:, :2], edges

    def answers(self, cuts: Picture) -> Floats:
        """Returns the network's answers (N, 6) to cuts (N, S, S, 3), BGR; see `ANSWERS`."""
        parts = []
        start = 0
        while start < len(cuts):
            left = len(cuts) - start
            size = next((bucket for bucket in BATCH_BUCKETS if bucket >= left), BATCH_BUCKETS[-1])
            chunk = cuts[start : start + size]
            filled = np.zeros((size, *chunk.shape[1:]), np.uint8)
            filled[: len(chunk)] = chunk
            given = self._runtime.run(filled)[0].astype(np.float64)
            if given.shape != (size, ANSWERS):
                raise ModelError(
                    f"refiner {self.card.name}: its weights answer {given.shape[1:]}, "
                    f"not ({ANSWERS},); give the card that belongs to these weights"
                )
            parts.append(given[: len(chunk)])
            start += len(chunk)
        return np.concatenate(parts) if parts else np.empty((0, ANSWERS))


def refined(
    rule: RefinementPart, boxes: Floats, found: Floats, logits: Floats, edges: Floats
) -> tuple[Floats, Floats]:
    """Returns boxes (K, 4) and the learned chance of each to be right (K,), surest first.

    Args:
        rule: From the card.
        boxes: The detector's (N, 4), pixels.
        found: The detector's scores (N,), 0 to 1.
        logits: The refiner's "a face" and "well placed" (N, 2).
        edges: Where the refiner puts the boxes (N, 4), pixels.
    """
    placed = boxes + rule.trust * (edges - boxes)
    found = np.clip(found, _LEAST, 1 - _LEAST)
    total = rule.bias + rule.found * np.log(found / (1 - found))
    total = total + rule.face * logits[:, 0] + rule.placed * logits[:, 1]
    chances = 1 / (1 + np.exp(-np.clip(total, -50, 50)))
    kept = suppress(placed.astype(np.float32), chances.astype(np.float32), iou=rule.overlap)
    return placed[kept], chances[kept]
