"""Figures of merit of a classifier on labelled crops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

JUDGED_FROM_PX = 24.0
"""Faces that a classifier is judged by are this high, at 640 wide; smaller ones are told apart."""

# Weight of one label's worth of doubt in a calibration.
_PULL = 0.5


def softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> Floats:
    """Returns probabilities (N, C) that sum to 1 from logits (N, C)."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    powers = np.exp(scaled)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)


def confusion(labels: Labels, answers: Labels, classes: int) -> NDArray[np.int64]:
    """Returns counts (C, C): row is the truth, column the answer."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, answers), 1)
    return counts


def f1_by_class(counts: NDArray[np.int64]) -> Floats:
    """Returns F1 per class (C,); nan for a class that is never true."""
    hits = np.diag(counts).astype(np.float64)
    truths, answers = counts.sum(1), counts.sum(0)
    scores = 2 * hits / np.maximum(truths + answers, 1)
    return np.asarray(np.where(truths > 0, scores, np.nan), np.float64)


def calibration_error(probabilities: Floats, labels: Labels, bins: int = 15) -> float:
    """Returns the expected calibration error: mean gap of confidence and accuracy, 0 to 1."""
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == labels
    edges = np.minimum((confidence * bins).astype(int), bins - 1)
    error = 0.0
    for number in range(bins):
        inside = edges == number
        if inside.any():
            gap = abs(float(confidence[inside].mean()) - float(right[inside].mean()))
            error += gap * float(inside.mean())
    return error


def best_calibration(
    logits: NDArray[np.floating], labels: Labels
) -> tuple[float, NDArray[np.float64]]:
    """Returns the temperature and the shift (C,) of ``logits / temperature + shift`` that fit best.

    Least log loss, with a weak pull to temperature 1 and no shift, so that a small or one-sided set
    of labels does not run away with them. Classes that no label names keep their logits.

    Args:
        logits: (N, C).
        labels: Class numbers (N,).
    """
    classes = logits.shape[1]
    seen = np.isin(np.arange(classes), labels)
    rows = np.arange(len(labels))

    def loss(chosen: Floats) -> float:
        shift = np.where(seen, chosen[1:], 0.0)
        chances = softmax(logits / np.exp(chosen[0]) + shift)
        fit = -np.log(np.maximum(chances[rows, labels], 1e-12)).mean()
        return float(fit + _PULL / len(labels) * (chosen @ chosen))

    best = minimize(
        loss, np.zeros(1 + classes), method="L-BFGS-B", bounds=[(-1.6, 1.6)] * (1 + classes)
    )
    return float(np.exp(best.x[0])), np.where(seen, best.x[1:], 0.0)


@dataclass(frozen=True, slots=True)
class CropScores:
    """How a classifier does on labelled crops, all of them answered.

    Attributes:
        count: Crops measured.
        mask_vs_none: Share right among crops whose truth is mask or no_mask.
        macro_f1: Mean F1 over the classes that occur.
        f1: F1 by class, nan where it does not occur.
        calibration_error: See `calibration_error`.
        log_loss: Mean negative log probability of the truth.
    """

    count: int
    mask_vs_none: float
    macro_f1: float
    f1: tuple[float, ...]
    calibration_error: float
    log_loss: float


def crop_scores(
    logits: NDArray[np.floating], labels: Labels, temperature: float = 1.0
) -> CropScores:
    """Measures logits (N, C) against class numbers (N,); class 2 is `incorrect`."""
    probabilities = softmax(logits, temperature)
    answers = probabilities.argmax(1)
    scores = f1_by_class(confusion(labels, answers, probabilities.shape[1]))
    two = labels != 2
    picked = np.maximum(probabilities[np.arange(len(labels)), labels], 1e-12)
    return CropScores(
        count=len(labels),
        mask_vs_none=float((answers[two] == labels[two]).mean()) if two.any() else float("nan"),
        macro_f1=float(np.nanmean(scores)),
        f1=tuple(float(score) for score in scores),
        calibration_error=calibration_error(probabilities, labels),
        log_loss=float(-np.log(picked).mean()),
    )
