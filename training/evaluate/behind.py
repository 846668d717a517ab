"""The mask classifier behind several face detectors: one reading of what each of them finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwatch.geometry import Box
from models.face_detector import Detection
from models.mask_classifier import MaskClassifier
from training.classifier.measures import JUDGED_FROM_PX
from training.datasets.index import LabelledPicture
from training.evaluate.classifier import (
    SeenPicture,
    end_to_end,
    looks_at,
    reading_report,
    see,
)
from training.evaluate.detection import FoundFaces

MOST_READ = 250
"""Faces of one picture that are read, the surest; more than any labelled picture holds. RFB finds
thousands at the lowest scores, and reading them would take longer than all the rest."""


@dataclass(frozen=True, slots=True)
class ReadBehind:
    """How well the classifier reads what one detector finds.

    Attributes:
        faces: Labelled faces from `JUDGED_FROM_PX` that were found at the detector's threshold.
        unreadable: Share of them left unread.
        mask_vs_none: Share right among the readable ones whose truth is mask or no_mask.
        mean_ap50: Mean over the classes of `training.evaluate.classifier.end_to_end`.
    """

    faces: int
    unreadable: float
    mask_vs_none: float
    mean_ap50: float


def see_found(
    picture: NDArray[np.uint8], found: FoundFaces, classifier: MaskClassifier
) -> SeenPicture:
    """Reads the `MOST_READ` surest faces found in a picture, uint8 (H, W, 3), BGR."""
    order = (-found.scores).argsort(kind="stable")[:MOST_READ]
    faces = [
        Detection(Box(*found.boxes[place].tolist()), float(found.scores[place])) for place in order
    ]
    return see(picture, faces, classifier)


def read_behind(
    scenes: Sequence[LabelledPicture], seen: Sequence[SeenPicture], *, threshold: float
) -> ReadBehind:
    """Returns the figures of one detector.

    Args:
        scenes: Labelled pictures.
        seen: What was found and read in each, at the lowest scores too.
        threshold: Faces below it are not read, as in use; the average precision takes all.
    """
    looks = looks_at(scenes, seen, min_score=threshold)
    report = reading_report(looks.where(looks.heights_640 >= JUDGED_FROM_PX))
    mean = end_to_end(scenes, seen)["mean"]
    return ReadBehind(report.faces, report.unreadable, report.mask_vs_none, mean)


def table(detectors: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns a table in Markdown, empty where nothing was read.

    Args:
        detectors: ``detectors`` of detector.json, by name.
    """
    rows = {name: of["read"] for name, of in detectors.items() if of.get("read") is not None}
    if not rows:
        return ""
    heads = ["detector", "faces found", "unreadable", "mask or none", "mean AP of the classes"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for name, row in rows.items():
        unreadable = "-" if row["unreadable"] is None else f"{100 * row['unreadable']:.1f} %"
        cells = [name, str(row["faces"]), unreadable]
        cells += [_figure(row["mask_vs_none"]), _figure(row["mean_ap50"])]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
