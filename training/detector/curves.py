"""The learning curves of a run, drawn from what it noted."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from training.disk import written_whole
from training.metrics_file import read_rows


def draw_curves(metrics: Path, out: Path) -> None:
    """Draws losses and validation AP over the steps.

    Args:
        metrics: ``metrics.jsonl`` of a run.
        out: PNG to write.
    """
    rows = read_rows(metrics)
    figure = Figure(figsize=(10, 4), layout="constrained")
    losses, precision = figure.subplots(1, 2)
    for name in rows[0]["losses"]:
        losses.plot([r["step"] for r in rows], [r["losses"][name] for r in rows], label=name)
    losses.set(xlabel="step", title="loss per face cell", ylim=(0, None))
    losses.legend()
    measured = [row for row in rows if row.get("ap50")]
    for source in measured[0]["ap50"] if measured else ():
        values = [row["ap50"][source] for row in measured]
        precision.plot([row["step"] for row in measured], values, marker=".", label=source)
    precision.set(xlabel="step", title="face AP50 on the validation split")
    if measured:
        precision.legend()
    with written_whole(out) as partial:
        figure.savefig(partial, dpi=100)
