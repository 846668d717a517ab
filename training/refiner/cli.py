"""`maskwatch train refiner`: scenes in; weights, card and metrics out."""

from __future__ import annotations

from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TextColumn

from training.classifier.cli import choose_backend

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder with labels.jsonl and its pictures.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs/refiner"),
    show_default=True,
    help="Folder of the run; a run that is there already goes on.",
)
@click.option("--recipe", type=_FILE, help="TOML; default: the one the built-in weights used.")
@click.option(
    "--start",
    type=click.Path(path_type=Path),
    help="A mask classifier (.onnx) whose first blocks to start from, or 'builtin'.",
)
@click.option("--detector", type=_FILE, help="Whose faces to refine (.onnx); default: ours.")
@click.option("--steps", type=click.IntRange(min=1), help="Steps in all, in place of the recipe's.")
def refiner(
    data: Path,
    out: Path,
    recipe: Path | None,
    start: Path | None,
    detector: Path | None,
    steps: int | None,
) -> None:  # fmt: skip
    """Train the second look at found faces; the pictures of the test split are not looked at.

    Stopped at any moment, the same command goes on where it was. The folder then holds the recipe,
    the data's hash, metrics.jsonl, curves.png, the ONNX weights and their card.
    """
    choose_backend()
    from training.refiner.run import RunOptions, train_in_folder

    options = RunOptions(
        data=data, folder=out, recipe=recipe, start=start, detector=detector, steps=steps
    )
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}")
    with Progress(*columns) as bar:
        task = bar.add_task("train refiner", total=None, note="reading pictures")

        def tell(done: int, total: int, note: str) -> None:
            bar.update(task, completed=done, total=total, note=note)

        card = train_in_folder(options, tell)
    click.echo(f"weights and card: {card}")
