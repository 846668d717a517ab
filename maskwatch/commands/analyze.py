"""`maskwatch analyze`: pictures and video files, without any server."""

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from maskwatch.commands.options import config_option
from maskwatch.config import load_settings
from maskwatch.errors import MediaError

if TYPE_CHECKING:
    from rich.progress import Progress

    from maskwatch.config import Settings

DEFAULT_FPS = 10.0


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "json_target", metavar="OUT", help="Write JSON Lines; - for stdout.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write annotated copies: pictures as they are, videos as H.264 of the analysed frames.",
)
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    metavar="S",
    help="List faces of at least this score, 0 to 1; default: the detector's own threshold. "
    "Passages of a video are counted from faces above both.",
)
@click.option(
    "--fps",
    type=click.FloatRange(0, min_open=True),
    default=DEFAULT_FPS,
    show_default=True,
    metavar="F",
    help="Analyse at most so many frames of each second of a video.",
)
@click.option(
    "--quick",
    is_flag=True,
    help="Look once at each picture, as the live system does; default: in four sizes, each also "
    "mirrored, which finds more faces and takes about ten times as long.",
)
@click.option("--blur", is_flag=True, help="Make faces unrecognisable in annotated copies.")
@click.option(
    "--enqueue", is_flag=True, help="Leave the work to `maskwatch jobs`; prints a job id a file."
)
@config_option
def analyze(
    paths: tuple[str, ...],
    *,
    json_target: str | None,
    out: Path | None,
    min_score: float | None,
    fps: float,
    quick: bool,
    blur: bool,
    enqueue: bool,
    config: Path | None,
) -> int:
    """Find faces in pictures and videos and say who wears a mask.

    Folders are gone through with all below them. A file that cannot be analysed is named and
    passed over; the exit code is then 1.
    """
    from rich.console import Console

    from maskwatch.commands.analysis.copies import CopyFolder
    from maskwatch.commands.analysis.inputs import expand
    from maskwatch.commands.analysis.lines import JsonLines
    from maskwatch.commands.analysis.options import Analysis
    from maskwatch.commands.analysis.report import Report
    from maskwatch.commands.analysis.run import analyse_files
    from workers.analyse import load_analyser

    settings = load_settings(config)
    if enqueue:
        if json_target is not None or out is not None:
            raise click.UsageError("--enqueue goes with neither --json nor --out")
        return _enqueue(paths, settings)
    inputs = list(expand(paths))
    started = time.monotonic()
    report = Report()
    with ExitStack() as stack:
        copies = CopyFolder(out) if out is not None else None
        lines = stack.enter_context(JsonLines(json_target)) if json_target is not None else None
        analyser = load_analyser(settings.workers)
        own_score = analyser.min_score
        if min_score is not None:
            analyser = analyser.with_min_score(min_score)
        analysis = Analysis(
            analyser=analyser,
            picture_analyser=analyser if quick else analyser.carefully(),
            settings=settings,
            fps=fps,
            passage_score=max(own_score, analyser.min_score),
            blur_faces=blur,
            lines=lines,
            copies=copies,
            progress=stack.enter_context(_progress()),
            report=report,
        )
        analyse_files(analysis, inputs)
    for failure in report.failures:
        click.echo(f"maskwatch: {failure}", err=True)
    # With JSON on stdout the table goes where it disturbs no program.
    report.show(Console(stderr=json_target == "-"), seconds=time.monotonic() - started)
    return 1 if report.failures else 0


def _enqueue(paths: tuple[str, ...], settings: "Settings") -> int:
    """Make a job of each file; print its id and the file."""
    from maskwatch.commands.analysis.inputs import expand
    from maskwatch.job_queue import enqueue_footage
    from maskwatch.storage import migrate, open_database

    engine = open_database(settings)
    migrate(engine)
    failed = False
    for item in expand(paths):
        try:
            if item.error:
                raise MediaError(f"{item.source}: {item.error}")
            job_id = enqueue_footage(settings, engine, Path(item.source), name=item.relative)
        except MediaError as error:
            failed = True
            click.echo(f"maskwatch: {error}", err=True)
        else:
            click.echo(f"{job_id} {item.source}")
    engine.dispose()
    return 1 if failed else 0


def _progress() -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
