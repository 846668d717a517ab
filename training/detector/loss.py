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
from training.detector.truth import Truth

CENTER_RADIUS_STRIDES = 2.5
MAX_CELLS_PER_FACE = 10
BOX_WEIGHT = 5.0
MOST_UNEQUAL = 3.0
_FAR = 1e5


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
    known = _padded(truths, flat.device)
    centers = corners + flat[:, 2:4].transpose(1, 2) * strides
    half = flat[:, 4:6].clamp(max=8.0).exp().transpose(1, 2) * strides / 2
    boxes = torch.cat([centers - half, centers + half], 2)
    face_logits, quality_logits = flat[:, 0], flat[:, 1]
    with torch.no_grad():
        scores = (face_logits.sigmoid() * quality_logits.sigmoid()).sqrt()
        owner = assign(boxes, scores, corners + strides / 2, strides, known.faces, known.is_face)
        row, cell = (owner >= 0).nonzero(as_tuple=True)
        face = owner[row, cell]
        share = _equal_shares(row * known.faces.shape[1] + face, row)
        is_face = torch.zeros_like(face_logits)
        is_face[row, cell] = 1.0
        weight = _negative_weight(boxes, corners + strides / 2, known)
        weight[row, cell] = share
    count = max(1.0, team.summed([float(len(row))])[0])
    quality = F.binary_cross_entropy_with_logits(
        quality_logits, is_face, weight=weight, reduction="sum"
    )
    if not len(row):
        nothing = flat.sum() * 0.0
        return Losses(nothing, quality / count, nothing)
    overlap, penalised = _overlap(boxes[row, cell], known.faces[row, face])
    face_loss = F.binary_cross_entropy_with_logits(
        face_logits[row, cell],
        overlap.detach().clamp(0, 1),
        weight=share,
        reduction="sum",
    )
    box_loss = BOX_WEIGHT * (share * (1 - penalised)).sum()
    return Losses(face_loss / count, quality / count, box_loss / count)


@dataclass(frozen=True, slots=True)
class _Padded:
    """What is known of a batch, in tensors of one size: faces (N, G, 4), regions (N, I, 4)."""

    faces: torch.Tensor
    is_face: torch.Tensor
    ignored: torch.Tensor
    unpunished_height_px: torch.Tensor


def _padded(truths: list[Truth], device: torch.device) -> _Padded:
    # Put together where they are, so that a GPU is given four tensors and not some for each crop.
    faces = torch.zeros(len(truths), max(1, *(len(truth.boxes) for truth in truths)), 4)
    ignored = torch.zeros(len(truths), max(1, *(len(truth.ignored) for truth in truths)), 4)
    is_face = torch.zeros(faces.shape[:2], dtype=torch.bool)
    for row, truth in enumerate(truths):
        faces[row, : len(truth.boxes)] = truth.boxes
        is_face[row, : len(truth.boxes)] = True
        ignored[row, : len(truth.ignored)] = truth.ignored
    heights = torch.tensor([truth.unpunished_height_px for truth in truths])
    return _Padded(*(tensor.to(device) for tensor in (faces, is_face, ignored, heights)))


def _equal_shares(face: torch.Tensor, row: torch.Tensor) -> torch.Tensor:
    """A weight for each face cell, so that a small face with one cell counts like a large one.

    Args:
        face: Which face of the batch each face cell answers for, (C,).
        row: The crop that it is in, (C,); one crop's cells keep their sum, but for the bounds.
    """
    if not len(face):
        return torch.ones(0, device=face.device)
    cells_of_face = torch.bincount(face)
    cells_of_row = torch.bincount(row)
    known = cells_of_face.nonzero()[:, 0]
    row_of_face = torch.zeros_like(cells_of_face).scatter_(0, face, row)
    faces_of_row = torch.bincount(row_of_face[known], minlength=len(cells_of_row))
    usual = cells_of_row[row] / faces_of_row[row]
    return (usual / cells_of_face[face]).clamp(1 / MOST_UNEQUAL, MOST_UNEQUAL)


def assign(
    boxes: torch.Tensor,
    scores: torch.Tensor,
    centers: torch.Tensor,
    strides: torch.Tensor,
    faces: torch.Tensor,
    is_face: torch.Tensor,
) -> torch.Tensor:
    """Which cells answer for which faces.

    Args:
        boxes: What each cell predicts now, (N, A, 4).
        scores: How sure it is, (N, A).
        centers: Middle of each cell, (A, 2).
        strides: (A, 1).
        faces: (N, G, 4), filled up to one number for all pictures.
        is_face: Which of them are faces, (N, G).

    Returns:
        For each cell (N, A) the number of its face, -1 for none.
    """
    apart = torch.cat([centers - faces[..., None, :2], faces[..., None, 2:] - centers], 3)
    inside = (apart.amin(3) > 0) & is_face[..., None]
    middle = (faces[..., :2] + faces[..., 2:]) / 2
    offset = (centers - middle[..., None, :]).abs().amax(3)
    near = (offset < CENTER_RADIUS_STRIDES * strides[:, 0]) & is_face[..., None]
    is_candidate = (inside | near).any(1, keepdim=True) & is_face[..., None]
    overlap = iou(faces, boxes) * is_candidate
    cost = (
        -scores.clamp(1e-7).log()[:, None]
        - 3.0 * overlap.clamp(1e-8).log()
        + _FAR * ~(inside & near)
    ).where(is_candidate, torch.inf)
    chosen = _cheapest(cost, overlap) & is_candidate
    owner = cost.where(chosen, torch.inf).argmin(1)
    return owner.where(chosen.any(1), -1)


def _cheapest(cost: torch.Tensor, overlap: torch.Tensor) -> torch.Tensor:
    """For each face its cheapest cells, as many as its total overlap says; (N, G, A)."""
    most = min(MAX_CELLS_PER_FACE, cost.shape[2])
    counts = overlap.topk(most, dim=2).values.sum(2, keepdim=True).int().clamp(min=1)
    order = cost.topk(most, dim=2, largest=False).indices
    chosen = torch.zeros_like(cost, dtype=torch.bool)
    return chosen.scatter_(2, order, torch.arange(most, device=cost.device) < counts)


def _negative_weight(boxes: torch.Tensor, centers: torch.Tensor, known: _Padded) -> torch.Tensor:
    """0 for cells (N, A) that must not be called background, else 1."""
    weight = torch.ones(boxes.shape[:2], device=boxes.device)
    low = (boxes[..., 3] - boxes[..., 1]) < known.unpunished_height_px[:, None]
    regions = known.ignored[:, :, None]
    hidden = ((centers > regions[..., :2]) & (centers < regions[..., 2:])).all(3).any(1)
    return weight.masked_fill(low | hidden, 0.0)


def iou(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Intersection over union of every pair, (..., G, A), of boxes (..., G, 4) and (..., A, 4)."""
    low = torch.maximum(first[..., None, :2], second[..., None, :, :2])
    high = torch.minimum(first[..., None, 2:], second[..., None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = [(b[..., 2:] - b[..., :2]).clamp(min=0).prod(-1) for b in (first, second)]
    return shared / (areas[0][..., None] + areas[1][..., None, :] - shared + 1e-9)


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
