"""`maskwatch report`: compliance by hour, day or week."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import click

from maskwatch.commands.options import config_option
from maskwatch.config import load_settings
from maskwatch.errors import MediaError
from maskwatch.reports import (
    FORMATS,
    LONGEST_ON_FILE_DAYS,
    By,
    Period,
    check_length,
    day_of,
    first_day,
    parse_day,
    parse_edge,
    render,
    report_rows,
)
from maskwatch.storage import migrate, open_database


@click.command()
@click.option(
    "--day",
    metavar="D",
    help="One day of the site's calendar, 2026-11-23. Default: today; by day the last 28 days, by "
    "week the present week and the three before.",
)
@click.option(
    "--from", "start", metavar="T", help="Start: a day, or a time such as 2026-11-23T14:00."
)
@click.option(
    "--to", "end", metavar="T", help="End, exclusive; a day is taken whole. Default: now."
)
@click.option("--camera", metavar="C", help="One camera only.")
@click.option("--by", type=click.Choice(get_args(By)), default="hour", show_default=True)
@click.option(
    "--format", "form", type=click.Choice(list(FORMATS)), default="table", show_default=True
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@config_option
def report(
    day: str | None,
    start: str | None,
    end: str | None,
    camera: str | None,
    by: By,
    form: str,
    out: Path | None,
    config: Path | None,
) -> None:
    """Print compliance by hour, day or week.

    Times without a zone are the site's. A rate is printed only where enough was watched and enough
    people passed; see [report] in the configuration.
    """
    settings = load_settings(config)
    stretch = _stretch(day, start, end, by=by, zone=settings.zone)
    engine = open_database(settings)
    migrate(engine)
    rows = report_rows(engine, settings, start=stretch.start, end=stretch.end, by=by, camera=camera)
    engine.dispose()
    text = render(rows, form, by=by, zone=settings.zone, site=settings.site.name)
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MediaError(f"report {str(out)!r} cannot be written: {error.strerror}") from error
    click.echo(f"{len(rows)} rows written to {out}")


def _stretch(
    day: str | None, start: str | None, end: str | None, *, by: By, zone: ZoneInfo
) -> Period:
    if day is not None:
        if start is not None or end is not None:
            raise click.UsageError("--day and --from/--to exclude each other")
        with _option_named("--day"):
            return day_of(parse_day(day), zone)
    if start is not None:
        return _from_to(start, end, by=by, zone=zone)
    if end is not None:
        raise click.UsageError("--to needs --from")
    today = datetime.now(UTC).astimezone(zone).date()
    return Period(day_of(first_day(by, today), zone).start, day_of(today, zone).end)


def _from_to(start: str, end: str | None, *, by: By, zone: ZoneInfo) -> Period:
    with _option_named("--from"):
        first = parse_edge(start, zone, is_end=False)
    if end is None:
        last = datetime.now(UTC)
        if last <= first:
            raise click.UsageError(f"--from {start!r} has not come yet; choose an earlier start")
    else:
        with _option_named("--to"):
            last = parse_edge(end, zone, is_end=True)
        if last <= first:
            raise click.UsageError(f"--to {end!r} is not after --from {start!r}")
    try:
        check_length(first, last, by=by, longest=LONGEST_ON_FILE_DAYS)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return Period(first, last)


@contextmanager
def _option_named(option: str) -> Iterator[None]:
    """What cannot be read is wrong usage, told with the option's name."""
    try:
        yield
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from error
