"""`maskwatch evaluate classifier`: how well faces are read, on the faces that are found."""

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
    "--classifier",
    "name",
    default="builtin",
    show_default=True,
    help="A card, or weights beside one.",
)
@click.option("--detector", default="builtin", show_default=True, help="The same, or yunet:FILE.")
@click.option(
    "--careful",
    is_flag=True,
    help="As `maskwatch analyze` looks at still pictures, not as the live system does.",
)
@click.option("--threads", type=click.IntRange(min=1), help="Cores; default: all.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Writes classifier.json, .md, .png and a sheet of errors there; careful.* with --careful.",
)
def classifier(
    data: Path,
    split: str,
    name: str,
    detector: str,
    careful: bool,
    threads: int | None,
    out: Path | None,
) -> None:  # fmt: skip
    """Measure the mask classifier on labelled scenes: by source, height and class."""
    from maskwatch.config import WorkerSettings
    from maskwatch.errors import MediaError
    from models.careful import CarefulDetector
    from models.registry import Detector, load_classifier, load_detector
    from training.datasets.index import read_index
    from training.disk import make_folder, write_text_whole
    from training.evaluate.classifier import (
        end_to_end,
        looks_at,
        reading_report,
        see_scenes,
        slices,
    )
    from training.evaluate.classifier_page import as_json, as_markdown, draw
    from training.evaluate.mistakes import reading_mistakes, write_mistakes

    settings = WorkerSettings(classifier=name, detector=detector, threads=threads or 0)
    finds: Detector = load_detector(settings)
    reads = load_classifier(settings)
    if careful:
        finds, reads = CarefulDetector(finds), reads.mirroring()
    pictures, problems = read_index(data)
    for problem in problems:
        click.echo(f"skipped: {problem}", err=True)
    scenes = [picture for picture in pictures if split in ("all", picture.split)]
    if not scenes:
        raise MediaError(f"{data}: no picture falls into the split {split!r}; try --split all")
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("pictures", total=len(scenes))
        seen = see_scenes(
            data, scenes, finds, reads, tell=lambda done: bar.update(task, completed=done)
        )
    # Several looks at another score are joined into other boxes: these faces are found anew.
    shown = see_scenes(data, scenes, finds, reads, min_score=None) if careful else seen
    looks = looks_at(scenes, shown, min_score=finds.min_score)
    reports = {part: reading_report(chosen) for part, chosen in slices(looks).items()}
    ap50 = end_to_end(scenes, seen)
    page = as_markdown(reports, ap50)
    click.echo(page)
    if out is None:
        return
    make_folder(out)
    record = {"split": split, "weights_sha256": reads.card.sha256} | as_json(reports, ap50)
    part = "careful" if careful else "classifier"
    write_text_whole(out / f"{part}.json", json.dumps(record, indent=1) + "\n")
    write_text_whole(out / f"{part}.md", page)
    draw(looks, out / f"{part}.png")
    sheets = write_mistakes(data, reading_mistakes(looks), out, name=part)
    names = [f"{part}.json", f"{part}.md", f"{part}.png", *(path.name for path in sheets)]
    click.echo(f"written to {out}: {', '.join(names)}")
