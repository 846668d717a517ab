"""`maskwatch evaluate detector`: face AP and recall by height, beside the public detectors."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--data", type=_FOLDER, required=True, help="Folder with labels.jsonl.")
@click.option(
    "--split", type=click.Choice(["train", "val", "test", "all"]), default="test", show_default=True
)
@click.option(
    "--weights",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="ONNX; default: the built-in detector.",
)
@click.option("--baselines", type=_FOLDER, help="Folder with the public detectors' files.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Writes detector.json, .md and .png there, and sheets of what ours got wrong.",
)
def detector(
    data: Path, split: str, weights: Path | None, baselines: Path | None, out: Path | None
) -> None:  # fmt: skip
    """Measure the face detector on labelled pictures, and public ones in the same run.

    With public ones the built-in classifier reads what each of them finds.
    """
    from maskwatch.errors import ConfigError
    from models.mask_classifier import MaskClassifier
    from training.detector.scenes import read_scenes
    from training.disk import make_folder, write_text_whole
    from training.evaluate.behind import table
    from training.evaluate.detectors import (
        OURS,
        as_json,
        as_markdown,
        draw,
        finders,
        score_detectors,
    )
    from training.evaluate.mistakes import write_mistakes

    scenes = [scene for scene in read_scenes(data) if split in ("all", scene.split)]
    if not scenes:
        raise ConfigError(f"{data}: no picture falls into the split {split!r}; try --split all")
    chosen = finders(weights, baselines)
    # Alone, our detector's faces are read by `evaluate classifier`.
    reads = MaskClassifier.load() if baselines is not None else None
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("pictures", total=len(scenes))
        scores = score_detectors(
            scenes,
            data,
            chosen,
            classifier=reads,
            tell=lambda done: bar.update(task, completed=done),
        )
    figures = as_json(scores, scenes, split)
    click.echo(as_markdown(scores))
    click.echo(table(figures["detectors"]))
    if out is None:
        return
    make_folder(out)
    result = json.dumps(figures, indent=1)
    write_text_whole(out / "detector.json", result + "\n")
    write_text_whole(out / "detector.md", as_markdown(scores))
    draw(scores, out / "detector.png")
    sheets = write_mistakes(data, scores[OURS].mistakes, out, name="detector")
    names = ["detector.json", "detector.md", "detector.png", *(path.name for path in sheets)]
    click.echo(f"written to {out}: {', '.join(names)}")
