"""What the refiner is asked to minimise, in Keras's own operations: alike on every engine."""

from __future__ import annotations

from typing import Any

from models.face_refiner import REACH

FACE_IOU, NO_FACE_IOU = 0.35, 0.25
"""A cut whose box overlaps a face by the first shows one; below the second it shows none."""

_FACE_SMOOTHING = 0.015
_SAME_PLACE_IOU, _SOFTNESS = 0.5, 0.04
_BEND = 0.05
_LEAST = 1e-6


def refinement_loss(truths: Any, answers: Any) -> Any:
    """Returns the loss of each cut (N,).

    Three parts: whether there is a face; for those that are one, distance-IoU (Zheng et al., 2020)
    and a smooth absolute difference of the edges; whether the edges as they are answered now
    overlap the true ones by half, softened.

    Args:
        truths: (N, 9), see `training.refiner.batches.TRUTH_COLUMNS`.
        answers: (N, 6), see `models.face_refiner.ANSWERS`.
    """
    from keras import ops

    true, overlap = truths[:, :4], truths[:, 8]
    edges = truths[:, 4:8] + REACH * answers[:, 2:]
    placed = _iou(edges, true)
    is_face = ops.cast(overlap >= FACE_IOU, "float32")
    is_told = ops.cast(ops.logical_or(overlap >= FACE_IOU, overlap < NO_FACE_IOU), "float32")
    wanted = is_face * (1 - 2 * _FACE_SMOOTHING) + _FACE_SMOOTHING
    face = is_told * _cross_entropy(answers[:, 0], wanted)
    difference = ops.abs(edges - true)
    smooth = ops.where(difference < _BEND, 0.5 * difference**2 / _BEND, difference - 0.5 * _BEND)
    box = is_face * (1 - placed + _distance(edges, true) + ops.sum(smooth, axis=1))
    reached = ops.where(overlap >= NO_FACE_IOU, placed, ops.zeros_like(placed))
    near = ops.sigmoid((ops.stop_gradient(reached) - _SAME_PLACE_IOU) / _SOFTNESS)
    # The mean over faces alone, as far as a sum over cuts can give it.
    share = ops.maximum(ops.mean(is_face), _LEAST)
    return face + box / share + _cross_entropy(answers[:, 1], near)


def _cross_entropy(logits: Any, wanted: Any) -> Any:
    from keras import ops

    return ops.maximum(logits, 0) - logits * wanted + ops.log1p(ops.exp(-ops.abs(logits)))


def _iou(first: Any, second: Any) -> Any:
    from keras import ops

    low = ops.maximum(first[:, :2], second[:, :2])
    high = ops.minimum(first[:, 2:], second[:, 2:])
    shared = ops.prod(ops.maximum(high - low, 0.0), axis=1)
    return shared / (_area(first) + _area(second) - shared + _LEAST)


def _area(edges: Any) -> Any:
    from keras import ops

    return ops.prod(ops.maximum(edges[:, 2:] - edges[:, :2], 1e-3), axis=1)


def _distance(first: Any, second: Any) -> Any:
    """Squared distance of the middles over the squared diagonal of what holds both boxes."""
    from keras import ops

    apart = ops.sum((first[:, :2] + first[:, 2:] - second[:, :2] - second[:, 2:]) ** 2, axis=1) / 4
    low = ops.minimum(first[:, :2], second[:, :2])
    high = ops.maximum(first[:, 2:], second[:, 2:])
    return apart / (ops.sum((high - low) ** 2, axis=1) + _LEAST)
