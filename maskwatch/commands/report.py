"""`maskwatch report`: compliance by hour, day or week."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import click

from maskwatch.commands.options import config_option
from maskwatch.config import Settings, load_settings
from maskwatch.errors import MediaError
from maskwatch.reports import FORMATS, By, Period, day_of, render, report_rows
from maskwatch.storage import migrate, open_database


@click.command()
@click.option(
    "--day", metavar="D", help="One day of the site's calendar, 2026-11-23; default: today."
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
    stretch = _stretch(day, start, end, settings)
    engine = open_database(settings)
    migrate(engine)
    rows = report_rows(engine, settings, start=stretch.start, end=stretch.end, by=by, camera=camera)
    engine.dispose()
    text = render(rows, form, site=settings.site.name)
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MediaError(f"report {str(out)!r} cannot be written: {error.strerror}") from error
    click.echo(f"{len(rows)} rows written to {out}")


def _stretch(day: str | None, start: str | None, end: str | None, settings: Settings) -> Period:
    zone, now = settings.zone, datetime.now(UTC)
    if day is not None:
        if start is not None or end is not None:
            raise click.UsageError("--day and --from/--to exclude each other")
        return day_of(_day(day, "--day"), zone)
    if start is None:
        if end is not None:
            raise click.UsageError("--to needs --from")
        return day_of(now.astimezone(zone).date(), zone)
    first = _moment(start, "--from", zone)
    last = now if end is None else _moment(end, "--to", zone, is_end=True)
    if last <= first:
        raise click.UsageError("--to lies before --from")
    return Period(first, last)


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is no day; write it as 2026-11-23", param_hint=option
        ) from error


def _moment(text: str, option: str, zone: ZoneInfo, *, is_end: bool = False) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is no time; write 2026-11-23 or 2026-11-23T14:00", param_hint=option
        ) from error
    if len(text) == len("2026-11-23") and is_end:
        moment += timedelta(days=1)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
