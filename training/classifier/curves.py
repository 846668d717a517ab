"""The learning curves of a classifier's run, drawn from what it noted."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from maskwatch.contracts import CLASSES
from training.classifier.readability import TradePoint
from training.disk import written_whole
from training.metrics_file import read_rows


def draw_curves(metrics: Path, out: Path) -> None:
    """Draws the loss and the validation scores over the steps.

    Args:
        metrics: ``metrics.jsonl`` of a run.
        out: PNG to write.
    """
    rows = read_rows(metrics)
    figure = Figure(figsize=(10, 4), layout="constrained")
    loss, scores = figure.subplots(1, 2)
    loss.plot([row["step"] for row in rows], [row["loss"] for row in rows])
    loss.set(xlabel="step", title="training loss")
    measured = [row for row in rows if row["scores"]]
    steps = [row["step"] for row in measured]
    scores.plot(steps, [row["scores"]["mask_vs_none"] for row in measured], label="mask or none")
    for number, name in enumerate(CLASSES):
        values = [row["scores"]["f1"][number] for row in measured]
        scores.plot(steps, values, marker=".", label=f"F1 {name}")
    scores.set(xlabel="step", title="validation, averaged weights", ylim=(0.4, 1))
    if measured:
        scores.legend()
    with written_whole(out) as partial:
        figure.savefig(partial, dpi=100)


def draw_trade(curve: list[TradePoint], chosen: float, out: Path) -> None:
    """Draws error against the share of looks left unread, and the point that was chosen.

    Args:
        curve: Of `training.classifier.finish.Finished`.
        chosen: The threshold in the card.
        out: PNG to write.
    """
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([100 * point.unread for point in curve], [100 * point.error for point in curve])
    for point in curve:
        if point.min_chance == chosen:
            axes.plot([100 * point.unread], [100 * point.error], "o")
    axes.set(xlabel="% left unread", ylabel="% wrong of those read", xlim=(0, 20), ylim=(0, None))
    with written_whole(out) as partial:
        figure.savefig(partial, dpi=100)
