"""`maskwatch train classifier`: pictures in; weights, card, figures and curves out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, Progress, TextColumn

from training.keras_engine import choose_backend

if TYPE_CHECKING:
    from training.classifier.train import Progress as TrainingProgress

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--data", type=_FOLDER, multiple=True, required=True, help="May be repeated.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs/classifier"),
    show_default=True,
    help="Folder of the run; a run that is there already goes on.",
)
@click.option("--recipe", type=_FILE, help="TOML; default: the one the built-in weights used.")
@click.option("--backbone", type=_FILE, help="ImageNet weights of MobileNetV1 1.0 (.npz).")
@click.option(
    "--from", "start", type=click.Path(path_type=Path), help="Weights to fine-tune, or 'builtin'."
)
@click.option("--landmarks", type=_FILE, help="YuNet's .onnx: draws masks on unmasked faces.")
@click.option("--steps", type=click.IntRange(min=1), help="Steps in all, in place of the recipe's.")
@click.option(
    "--split",
    type=click.Choice(["group", "original"]),
    default="group",
    show_default=True,
    help="original: the folders Train, Validation and Test as they are, leaks and all.",
)
@click.option("--gpus", type=click.IntRange(min=1), help="GPUs to train on; default: all.")
def classifier(
    data: tuple[Path, ...],
    out: Path,
    recipe: Path | None,
    backbone: Path | None,
    start: Path | None,
    landmarks: Path | None,
    steps: int | None,
    split: str,
    gpus: int | None,
) -> None:  # fmt: skip
    """Train the mask classifier on scenes (labels.jsonl) or folders of classes.

    Stopped at any moment, the same command goes on where it was. The folder then holds the recipe,
    the data's hash, metrics.jsonl, curves.png, the ONNX weights and their card.
    """
    choose_backend()
    from training.classifier.run import RunOptions, train_in_folder

    options = RunOptions(
        data=data, folder=out, recipe=recipe, backbone=backbone, start=start,
        landmarks=landmarks, steps=steps, keeps_split=split == "original", gpus=gpus,
    )  # fmt: skip
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}")
    with Progress(*columns) as bar:
        task = bar.add_task("train classifier", total=None, note="cutting faces")

        def tell(progress: TrainingProgress) -> None:
            bar.update(
                task, completed=progress.step, total=progress.steps, note=progress_line(progress)
            )

        card = train_in_folder(options, tell)
    click.echo(f"weights and card: {card}")


def progress_line(progress: TrainingProgress) -> str:
    """Returns step, loss, scores and time left in one line."""
    scores = progress.scores
    measured = ""
    if scores is not None:
        measured = f"  mask or none {scores.mask_vs_none:.4f}  macro-F1 {scores.macro_f1:.4f}"
    left = f"{progress.left_s / 60:.0f} min left"
    return f"{progress.step}/{progress.steps}  loss {progress.loss:.3f}{measured}  {left}"
