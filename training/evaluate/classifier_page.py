"""The classifier's figures as a page section, as JSON and as plots."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from maskwatch.contracts import CLASSES
from training.disk import written_whole
from training.evaluate.classifier import Looks, ReadingReport, calibration_bins


def as_markdown(reports: Mapping[str, ReadingReport], ap50: Mapping[str, float]) -> str:
    """Returns the tables of a page, without a heading.

    Args:
        reports: By slice, of `training.evaluate.classifier.slices`.
        ap50: Of `training.evaluate.classifier.end_to_end`.
    """
    lines = [
        "| faces that were found | n | unreadable | mask or none | macro-F1 | "
        + " | ".join(f"F1 {name}" for name in CLASSES)
        + " | ECE |",
        "|---" * (6 + len(CLASSES)) + "|",
    ]
    for name, report in reports.items():
        cells = [
            name,
            str(report.faces),
            f"{100 * report.unreadable:.1f} %",
            _figure(report.mask_vs_none),
            _figure(report.macro_f1),
            *(_figure(report.f1.get(label)) for label in CLASSES),
            _figure(report.calibration_error),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "Confusion of all faces from 24 px (row: truth, column: answer):", ""]
    lines += ["| | " + " | ".join((*CLASSES, "unreadable")) + " |", "|---" * 5 + "|"]
    judged = next((reports[name] for name in reports if name.startswith("faces from")), None)
    if judged is not None:
        for label, row in zip(CLASSES, judged.confusion, strict=True):
            lines.append(f"| {label} | " + " | ".join(str(count) for count in row) + " |")
    found = ", ".join(f"{name} {value:.3f}" for name, value in ap50.items())
    lines += ["", f"End to end (finding and reading, AP at IoU 0.5): {found}.", ""]
    return "\n".join(lines)


def as_json(reports: Mapping[str, ReadingReport], ap50: Mapping[str, float]) -> dict[str, Any]:
    """Returns everything that the tables say; nan becomes None, which JSON has."""
    return {
        "slices": {name: without_nan(asdict(report)) for name, report in reports.items()},
        "end_to_end_ap50": {name: round(value, 4) for name, value in ap50.items()},
    }


def draw(looks: Looks, out: Path) -> None:
    """Draws calibration, and error against the share of the surest looks, as one PNG."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    calibration, trade = figure.subplots(1, 2)
    bins = calibration_bins(looks)
    calibration.plot([0.3, 1], [0.3, 1], "--", color="grey")
    calibration.plot([row[0] for row in bins], [row[1] for row in bins], marker="o")
    calibration.set(xlabel="probability given", ylabel="share right", title="calibration")
    right = looks.probabilities.argmax(1) == looks.truths
    order = np.argsort(-looks.probabilities.max(1), kind="stable")
    read = np.arange(1, len(order) + 1)
    errors = np.cumsum(~right[order]) / read
    trade.plot(100 * (1 - read / len(order)), 100 * errors)
    trade.set(xlabel="% left unread, least sure first", ylabel="% wrong", xlim=(0, 30))
    trade.set_title("error against share left unread")
    with written_whole(out) as partial:
        figure.savefig(partial, dpi=100)


def _figure(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


def without_nan(value: Any) -> Any:
    """Returns figures as JSON takes them: four digits, and None for nan."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 4)
    return value
