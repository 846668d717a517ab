"""`maskwatch data`: import, split, check and look at training pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from maskwatch.contracts import CLASSES
from maskwatch.errors import MediaError
from training.datasets.checking import (
    HEIGHT_BANDS_PX,
    band_name,
    count_by_height_and_class,
    count_by_split_and_class,
    find_leaks,
)
from training.datasets.formats import READERS
from training.datasets.importing import import_pictures, split_by_group
from training.datasets.index import Problem, read_index, write_index
from training.datasets.sheets import write_sheets
from training.datasets.split import SPLITS

_FOLDER = click.Path(file_okay=False, path_type=Path)
_SHOWN = 10


@click.group()
def data() -> None:
    """Import, split and check training pictures."""


@data.command("import")
@click.argument("form", metavar="FORMAT", type=click.Choice(list(READERS)))
@click.argument("folder", type=_FOLDER)
@click.option("--out", type=_FOLDER, required=True, help="Folder of the index; added to.")
@click.option("--name", help="Of the collection; default: the folder's name.")
@click.option("--label", multiple=True, metavar="THEIRS=OURS", help="Map a label name.")
def import_command(
    form: str, folder: Path, out: Path, name: str | None, label: tuple[str, ...]
) -> None:
    """Add pictures in FORMAT (folders, voc, yolo or coco) below FOLDER to an index."""
    labels = dict(_mapping(item) for item in label)
    done = import_pictures(
        folder, out, form=form, name=name or folder.resolve().name, labels=labels
    )
    _show_problems(done.problems)
    click.echo(f"{done.added} pictures with {done.faces} faces added to {out}")


@data.command()
@click.argument("folder", type=_FOLDER)
def split(folder: Path) -> None:
    """Split by group: look-alikes of all collections end on one side."""
    pictures, problems = read_index(folder)
    _show_problems(problems)
    divided = split_by_group(folder, pictures)
    write_index(folder, divided)
    sizes = Counter(picture.split for picture in divided)
    click.echo(", ".join(f"{name}: {sizes[name]} pictures" for name in SPLITS))


@data.command()
@click.argument("folder", type=_FOLDER)
@click.option("--allow-leaks", is_flag=True, help="Name leaks and exit 0 all the same.")
def check(folder: Path, allow_leaks: bool) -> None:
    """Count faces per class and height; refuse a split with look-alikes on both sides."""
    pictures, problems = read_index(folder)
    _show_problems(problems)
    _table("split", SPLITS, count_by_split_and_class(pictures))
    bands = [band_name(*band) for band in HEIGHT_BANDS_PX]
    _table("face height, px at 640 wide", bands, count_by_height_and_class(pictures))
    leaks = find_leaks(folder, pictures)
    for leak in leaks[:_SHOWN]:
        click.echo(f"leak: {leak.first} ({leak.splits[0]}) = {leak.second} ({leak.splits[1]})")
    if not leaks:
        click.echo("no leak between the splits")
        return
    told = f"{len(leaks)} pairs of look-alikes lie on two sides of the split"
    if not allow_leaks:
        raise MediaError(f"{folder}: {told}; run `maskwatch data split`, or give --allow-leaks")
    click.echo(f"{told}; scores on it are too good to be true")


@data.command()
@click.argument("folder", type=_FOLDER)
@click.option("--out", type=_FOLDER, default=Path("sheets"), show_default=True)
@click.option("--most", type=click.IntRange(min=1), default=160, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def sheet(folder: Path, out: Path, most: int, seed: int) -> None:
    """Write contact sheets of faces, one for each split and class."""
    pictures, problems = read_index(folder)
    _show_problems(problems)
    for path in write_sheets(folder, pictures, out, most=most, seed=seed):
        click.echo(str(path))


def _mapping(item: str) -> tuple[str, str]:
    theirs, equals, ours = item.partition("=")
    if not equals or ours not in CLASSES:
        raise click.UsageError(f"--label {item}: give THEIRS=OURS, OURS of {', '.join(CLASSES)}")
    return theirs, ours


def _show_problems(problems: Sequence[Problem]) -> None:
    for problem in problems[:_SHOWN]:
        click.echo(f"skipped: {problem}", err=True)
    if len(problems) > _SHOWN:
        click.echo(f"skipped: {len(problems) - _SHOWN} more", err=True)
    if problems:
        click.echo(f"{len(problems)} skipped in all", err=True)


def _table(title: str, rows: Sequence[str], counts: Counter[tuple[str, str]]) -> None:
    table = Table(title, *CLASSES)
    for row in rows:
        table.add_row(row, *(str(counts[row, label]) for label in CLASSES))
    Console().print(table)
