"""What the detector is told about its output: which cells are faces, and how far off they are.

Cells are given to faces by SimOTA (Ge et al., "YOLOX", 2021), as in YuNet's own training: each face
takes the few cells that already fit it best, so a crowd's overlapping faces are told apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from training import team
from training.detector.network import STRIDES

CENTER_RADIUS_STRIDES = 2.5
MAX_CELLS_PER_FACE = 10
BOX_WEIGHT = 5.0
MOST_UNEQUAL = 3.0
_FAR = 1e5


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of one crop.

    Attributes:
        boxes: Faces, (G, 4) as x1, y1, x2, y2 in pixels of the crop.
        ignored: Regions where neither a hit nor a miss is told, (I, 4).
        unpunished_height_px: A detection lower than this is not called wrong: such faces are often
            unlabelled in the picture's source.
    """

    boxes: torch.Tensor
    ignored: torch.Tensor
    unpunished_height_px: float

    def to(self, device: torch.device) -> Truth:
        """The same on another device."""
        return Truth(self.boxes.to(device), self.ignored.to(device), self.unpunished_height_px)


@dataclass(frozen=True, slots=True)
class Losses:
    """Parts of the loss, each per face cell."""

    face: torch.Tensor
    quality: torch.Tensor
    box: torch.Tensor

    @property
    def total(self) -> torch.Tensor:
        """The sum that training lowers."""
        return self.face + self.quality + self.box


def cells(maps: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Top left corner (A, 2) and stride (A, 1) of each cell of these maps, in pixels."""
    corners, strides = [], []
    for stride, grid in zip(STRIDES, maps, strict=True):
        height, width = grid.shape[2:]
        rows, columns = torch.meshgrid(
            torch.arange(height, device=grid.device),
            torch.arange(width, device=grid.device),
            indexing="ij",
        )
        corners.append(torch.stack([columns, rows], -1).reshape(-1, 2).float() * stride)
        strides.append(torch.full((height * width, 1), float(stride), device=grid.device))
    return torch.cat(corners), torch.cat(strides)


def detection_losses(maps: list[torch.Tensor], truths: list[Truth]) -> Losses:
    """The losses of a batch; of several processes' shares each its part, to be summed.

    Args:
        maps: One for each stride, (N, 6, H, W).
        truths: N.
    """
    flat = torch.cat([grid.flatten(2) for grid in maps], 2).float()
    corners, strides = cells(maps)
    centers = corners + flat[:, 2:4].transpose(1, 2) * strides
    half = flat[:, 4:6].clamp(max=8.0).exp().transpose(1, 2) * strides / 2
    boxes = torch.cat([centers - half, centers + half], 2)
    face_logits, quality_logits = flat[:, 0], flat[:, 1]
    is_face = torch.zeros_like(face_logits)
    weight = torch.ones_like(face_logits)
    matched_boxes, matched_logits, matched_targets, shares = [], [], [], []
    for row, truth in enumerate(truths):
        with torch.no_grad():
            scores = (face_logits[row].sigmoid() * quality_logits[row].sigmoid()).sqrt()
            found, face = assign(boxes[row], scores, corners + strides / 2, strides, truth.boxes)
            weight[row] = _negative_weight(boxes[row], corners + strides / 2, truth)
            share = _equal_shares(face)
            is_face[row, found], weight[row, found] = 1.0, share
        if found.numel():
            shares.append(share)
            matched_boxes.append(boxes[row, found])
            matched_targets.append(truth.boxes[face])
            matched_logits.append(face_logits[row, found])
    count = max(1.0, team.summed([float(is_face.sum())])[0])
    quality = F.binary_cross_entropy_with_logits(
        quality_logits, is_face, weight=weight, reduction="sum"
    )
    if not matched_boxes:
        nothing = flat.sum() * 0.0
        return Losses(nothing, quality / count, nothing)
    predicted, wanted = torch.cat(matched_boxes), torch.cat(matched_targets)
    overlap, penalised = _overlap(predicted, wanted)
    cell_weight = torch.cat(shares)
    face_loss = F.binary_cross_entropy_with_logits(
        torch.cat(matched_logits),
        overlap.detach().clamp(0, 1),
        weight=cell_weight,
        reduction="sum",
    )
    box_loss = BOX_WEIGHT * (cell_weight * (1 - penalised)).sum()
    return Losses(face_loss / count, quality / count, box_loss / count)


def _equal_shares(face: torch.Tensor) -> torch.Tensor:
    """A weight for each face cell, so that a small face with one cell counts like a large one.

    Args:
        face: Which face each cell answers for.
    """
    if not face.numel():
        return torch.ones(0, device=face.device)
    cells_of_face = torch.bincount(face)
    usual = face.numel() / int((cells_of_face > 0).sum())
    return (usual / cells_of_face[face]).clamp(1 / MOST_UNEQUAL, MOST_UNEQUAL)


def assign(
    boxes: torch.Tensor,
    scores: torch.Tensor,
    centers: torch.Tensor,
    strides: torch.Tensor,
    faces: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Which cells answer for which faces.

    Args:
        boxes: What each cell predicts now, (A, 4).
        scores: How sure it is, (A,).
        centers: Middle of each cell, (A, 2).
        strides: (A, 1).
        faces: (G, 4).

    Returns:
        Indices of the chosen cells and, for each, of its face.
    """
    nothing = torch.zeros(0, dtype=torch.long, device=boxes.device)
    if not faces.numel():
        return nothing, nothing
    inside = (
        torch.cat([centers[None] - faces[:, None, :2], faces[:, None, 2:] - centers[None]], 2)
        .amin(2)
        .gt(0)
    )
    middle = (faces[:, :2] + faces[:, 2:]) / 2
    offset = (centers[None] - middle[:, None]).abs().amax(2)
    near = offset < CENTER_RADIUS_STRIDES * strides[None, :, 0]
    candidates = (inside | near).any(0).nonzero()[:, 0]
    if not candidates.numel():
        return nothing, nothing
    is_good = (inside & near)[:, candidates]
    overlap = iou(faces, boxes[candidates])
    cost = (
        -scores[candidates].clamp(1e-7).log()[None]
        - 3.0 * overlap.clamp(1e-8).log()
        + _FAR * ~is_good
    )
    chosen = _cheapest(cost, overlap)
    taken = chosen.any(0).nonzero()[:, 0]
    owner = torch.where(chosen[:, taken], cost[:, taken], torch.inf).argmin(0)
    return candidates[taken], owner


def _cheapest(cost: torch.Tensor, overlap: torch.Tensor) -> torch.Tensor:
    """For each face (row) its cheapest cells, as many as its total overlap says."""
    most = min(MAX_CELLS_PER_FACE, cost.shape[1])
    counts = overlap.topk(most, dim=1).values.sum(1).int().clamp(min=1)
    order = cost.topk(most, dim=1, largest=False).indices
    chosen = torch.zeros_like(cost, dtype=torch.bool)
    wanted = torch.arange(most, device=cost.device)[None] < counts[:, None]
    chosen.scatter_(1, order, wanted)
    return chosen


def _negative_weight(boxes: torch.Tensor, centers: torch.Tensor, truth: Truth) -> torch.Tensor:
    """0 for cells that must not be called background, else 1."""
    weight = torch.ones(len(boxes), device=boxes.device)
    weight[(boxes[:, 3] - boxes[:, 1]) < truth.unpunished_height_px] = 0.0
    if truth.ignored.numel():
        x, y = centers[:, :1], centers[:, 1:]
        regions = truth.ignored
        hidden = (
            (x > regions[:, 0]) & (x < regions[:, 2]) & (y > regions[:, 1]) & (y < regions[:, 3])
        )
        weight[hidden.any(1)] = 0.0
    return weight


def iou(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Intersection over union of every pair, (N, M)."""
    low = torch.maximum(first[:, None, :2], second[None, :, :2])
    high = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(2)
    areas = [(b[:, 2:] - b[:, :2]).clamp(min=0).prod(1) for b in (first, second)]
    return shared / (areas[0][:, None] + areas[1][None] - shared + 1e-9)


def _overlap(predicted: torch.Tensor, wanted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """IoU of pairs, and the same less EIoU's penalties for centre, width and height."""
    low = torch.maximum(predicted[:, :2], wanted[:, :2])
    high = torch.minimum(predicted[:, 2:], wanted[:, 2:])
    shared = (high - low).clamp(min=0).prod(1)
    size, wanted_size = predicted[:, 2:] - predicted[:, :2], wanted[:, 2:] - wanted[:, :2]
    plain = shared / (size.prod(1) + wanted_size.prod(1) - shared + 1e-9)
    hull = torch.maximum(predicted[:, 2:], wanted[:, 2:]) - torch.minimum(
        predicted[:, :2], wanted[:, :2]
    )
    apart = ((predicted[:, :2] + predicted[:, 2:] - wanted[:, :2] - wanted[:, 2:]) / 2).square()
    penalty = apart.sum(1) / (hull.square().sum(1) + 1e-9)
    penalty = penalty + ((size - wanted_size).square() / (hull.square() + 1e-9)).sum(1)
    return plain, plain - penalty
