"""`maskwatch evaluate all`: both networks, and the page that says how good they are."""

from __future__ import annotations

from pathlib import Path

import click

from training.evaluate.classifier_cli import classifier
from training.evaluate.detector_cli import detector

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command(name="all")
@click.option("--data", type=_FOLDER, required=True, help="Folder with labels.jsonl.")
@click.option(
    "--split", type=click.Choice(["train", "val", "test", "all"]), default="test", show_default=True
)
@click.option("--baselines", type=_FOLDER, help="Folder with the public detectors' files.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Figures, tables and plots.",
)
@click.option(
    "--page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Writes the whole page too: docs/accuracy.md.",
)
@click.pass_context
def evaluate_all(
    context: click.Context,
    data: Path,
    split: str,
    baselines: Path | None,
    out: Path,
    page: Path | None,
) -> None:  # fmt: skip
    """Measure the built-in networks, public detectors beside them, and write the page."""
    from models.card import read_card
    from models.face_detector import BUILTIN_WEIGHTS
    from models.mask_classifier import BUILTIN_CARD
    from training.evaluate.page import write_page

    context.invoke(detector, data=data, split=split, baselines=baselines, out=out)
    context.invoke(classifier, data=data, split=split, out=out)
    context.invoke(classifier, data=data, split=split, out=out, careful=True)
    if page is None:
        return
    cards = {
        "detector": read_card(BUILTIN_WEIGHTS.with_suffix(".json")),
        "classifier": read_card(BUILTIN_CARD),
    }
    write_page(out, cards, page)
    click.echo(f"written: {page}")
