"""Learns which looks are too poor to judge: a logistic model of being right, and a threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.card import ReadabilityPart
from models.mask_classifier import chance_of_being_right

Floats = NDArray[np.float64]

_LEAST = 1e-6
_REFERENCE_HEIGHT_PX = 32.0
_NEWTON_STEPS = 30


@dataclass(frozen=True, slots=True)
class TradePoint:
    """What one threshold gives: more left unread, fewer wrong.

    Attributes:
        min_chance: Looks below it are unreadable.
        unread: Share of looks left unread.
        error: Share wrong among those read.
    """

    min_chance: float
    unread: float
    error: float


def fit_chance(
    heights_px: Floats, sharp: Floats, highest: Floats, right: NDArray[np.bool_]
) -> ReadabilityPart:
    """Fits the chance of being right by logistic regression; no threshold is chosen yet.

    A weight that comes out negative (larger, sharper or surer is worse) is noise and set to 0.

    Args:
        heights_px: Height of each face (N,).
        sharp: `models.mask_classifier.sharpness` of each crop (N,).
        highest: Highest calibrated probability (N,).
        right: Whether the likeliest class was the true one (N,).
    """
    surest = np.clip(highest, _LEAST, 1 - _LEAST)
    columns = np.stack(
        [
            np.ones_like(surest),
            np.log(np.maximum(heights_px, 1.0) / _REFERENCE_HEIGHT_PX),
            np.log(np.maximum(sharp, _LEAST)),
            np.log(surest / (1 - surest)),
        ],
        axis=1,
    )
    used = np.ones(4, bool)
    weights = _logistic(columns, right)
    while (weights[1:] < 0).any():
        used[1:] &= weights[1:] >= 0
        weights = np.zeros(4)
        weights[used] = _logistic(columns[:, used], right)
    bias, height, sharpness, certainty = (round(float(value), 4) for value in weights)
    return ReadabilityPart(bias=bias, height=height, sharpness=sharpness, certainty=certainty)


def _logistic(columns: Floats, right: NDArray[np.bool_]) -> Floats:
    """Newton's method with a weak pull to 0, which keeps a perfect classifier's weights finite."""
    weights = np.zeros(columns.shape[1])
    pull = np.eye(columns.shape[1]) * 1.0
    pull[0, 0] = _LEAST
    for _ in range(_NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(columns @ weights, -50, 50)))
        gradient = columns.T @ (right - chance) - pull @ weights
        curvature = (columns * (chance * (1 - chance))[:, None]).T @ columns + pull
        weights = weights + np.linalg.solve(curvature, gradient)
    return np.asarray(weights, np.float64)


def chances(rule: ReadabilityPart, heights_px: Floats, sharp: Floats, highest: Floats) -> Floats:
    """Returns the rule's chance for each look (N,)."""
    rows = zip(heights_px, sharp, highest, strict=True)
    return np.array(
        [
            chance_of_being_right(rule, height_px=height, sharp=detail, highest=top)
            for height, detail, top in rows
        ]
    )


def trade_curve(chance: Floats, right: NDArray[np.bool_]) -> list[TradePoint]:
    """Returns error against share unread for thresholds from 0 to 0.99."""
    points = []
    for threshold in np.arange(0.0, 1.0, 0.01):
        read = chance >= threshold
        error = float((~right[read]).mean()) if read.any() else 0.0
        points.append(TradePoint(round(float(threshold), 2), float(1 - read.mean()), error))
    return points


def choose_threshold(
    curve: list[TradePoint], *, target_error: float, most_unread: float
) -> TradePoint:
    """Returns the point that leaves least unread at the target error, or the best allowed one."""
    allowed = [point for point in curve if point.unread <= most_unread]
    reached = [point for point in allowed if point.error <= target_error]
    if reached:
        return min(reached, key=lambda point: (point.unread, point.min_chance))
    return min(allowed, key=lambda point: (point.error, point.unread))
