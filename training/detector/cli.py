"""`maskwatch train detector`: pictures in, a folder with weights, figures and curves out."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TextColumn

from maskwatch.errors import ConfigError

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_DEVICES = click.Choice(["auto", "cpu", "cuda"])


@click.group(invoke_without_command=True)
@click.option("--data", type=_FOLDER, help="Folder with labels.jsonl and its pictures.")
@click.option(
    "--out",
    type=_FOLDER,
    default=Path("runs/detector"),
    show_default=True,
    help="Folder of the run; a run that is there already goes on.",
)
@click.option("--recipe", type=_FILE, help="TOML; default: the one the built-in weights used.")
@click.option(
    "--start",
    type=click.Path(path_type=Path),
    default=None,
    help="Weights to start from: YuNet's .onnx, a .weights.h5 of a run, or 'builtin'.",
)
@click.option("--steps", type=click.IntRange(min=1), help="Steps in all, in place of the recipe's.")
@click.option("--device", type=_DEVICES, default="auto", show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="Cores for the network; default: all.")
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    help="Processes that make crops, for each GPU; default: 1, with a GPU one for each core.",
)
@click.option("--gpus", type=click.IntRange(min=1), help="GPUs to train on; default: all.")
@click.pass_context
def detector(
    context: click.Context,
    data: Path | None,
    out: Path,
    recipe: Path | None,
    start: Path | None,
    steps: int | None,
    device: str,
    threads: int | None,
    workers: int | None,
    gpus: int | None,
) -> None:  # fmt: skip
    """Train the face detector; the pictures of the test split are not looked at.

    Stopped at any moment, the same command goes on where it was. The folder then holds the recipe,
    the data's hash, metrics.jsonl, curves.png, best.onnx and best.weights.h5.
    """
    if context.invoked_subcommand is not None:
        return
    if data is None:
        raise click.UsageError("--data is missing: the folder with labels.jsonl")
    _choose_backend()
    from training.detector.run import RunOptions, train_in_folder

    options = RunOptions(
        data=data, folder=out, recipe=recipe, start=start, steps=steps,
        device=device, threads=threads, workers=workers, gpus=gpus,
    )  # fmt: skip
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}")
    ) as bar:
        task = bar.add_task("train detector", total=None, note="reading pictures")

        def tell(step: int, total: int, note: str) -> None:
            bar.update(task, completed=step, total=total, note=note)

        best = train_in_folder(options, tell)
    click.echo(f"best weights: {best}")


@detector.command()
@click.option(
    "--weights",
    type=_FILE,
    required=True,
    help="best.weights.h5 of a run, or YuNet's .onnx for the untrained start.",
)
@click.option("--recipe", type=_FILE, help="The run's recipe; default: recipe.json beside it.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
def export(weights: Path, recipe: Path | None, out: Path) -> None:  # fmt: skip
    """Write weights as ONNX for the workers."""
    _choose_backend()
    from training.detector.export import export_detector
    from training.detector.recipe import BUILTIN_RECIPE, DetectorRecipe, read_recipe
    from training.detector.start import start_model

    beside = weights.parent / "recipe.json"
    if recipe is not None:
        chosen = read_recipe(recipe)
    elif beside.exists():
        chosen = DetectorRecipe.model_validate(json.loads(beside.read_text(encoding="utf-8")))
    elif weights.suffix == ".onnx":
        chosen = read_recipe(BUILTIN_RECIPE)
    else:
        raise ConfigError(f"{weights}: no recipe.json beside it; name the run's recipe: --recipe")
    export_detector(start_model(chosen.net.widths(), weights, seed=chosen.run.seed), out)
    click.echo(f"{out}: {out.stat().st_size / 1e6:.2f} MB")


@detector.command()
@click.option("--weights", type=_FILE, required=True, help="Exported ONNX.")
@click.option("--data", type=_FOLDER, required=True, help="Folder with labels.jsonl.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
def int8(weights: Path, data: Path, out: Path) -> None:
    """Write weights in 8-bit numbers: quicker on a CPU, a little less accurate.

    Measure it with `maskwatch evaluate detector --weights` and `maskwatch bench models --onnx`,
    then write its card.
    """
    from tempfile import TemporaryDirectory

    from training.detector.int8 import quantise, some_canvases
    from training.detector.scenes import decode_pictures, read_scenes

    scenes = [scene for scene in read_scenes(data) if scene.split == "train"]
    with TemporaryDirectory() as folder:
        cache = decode_pictures(scenes, data=data, cache=Path(folder))
        quantise(weights, out, some_canvases(scenes, cache))
    click.echo(f"{out}: {out.stat().st_size / 1e6:.2f} MB")


@detector.command()
@click.option("--weights", type=_FILE, required=True, help="Exported ONNX.")
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    required=True,
    help="Threshold that the product uses unless configured otherwise.",
)
@click.option("--run", type=_FOLDER, help="Folder of the training run.")
@click.option("--evaluation", type=_FILE, help="detector.json of 'maskwatch evaluate detector'.")
@click.option("--version", default="1", show_default=True)
@click.option("--note", "notes", multiple=True, help="What else to know of this training.")
def card(
    weights: Path,
    min_score: float,
    run: Path | None,
    evaluation: Path | None,
    version: str,
    notes: tuple[str, ...],
) -> None:  # fmt: skip
    """Write the model card beside exported weights."""
    from training.detector.card import write_card

    path = write_card(
        weights, min_score=min_score, run=run, evaluation=evaluation, version=version, notes=notes
    )
    click.echo(f"{path}")


def _choose_backend() -> None:
    """Must be called before Keras is imported.

    Raises:
        ConfigError: The environment names another engine.
    """
    engine = os.environ.setdefault("KERAS_BACKEND", "torch")
    if engine != "torch":
        raise ConfigError(
            f"KERAS_BACKEND={engine}: the detector is trained on PyTorch; unset the variable"
        )
