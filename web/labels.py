"""What a row of a report is called: its time on the site's clock, and whether it is only a part."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from maskwatch.reports import By, ReportRow, periods, row_as_json

_INSTANT = timedelta(microseconds=1)


def labelled(rows: Sequence[ReportRow], *, by: By, zone: ZoneInfo) -> list[dict[str, Any]]:
    """The rows as JSON has them, each with `label`, `offset` and `part` for people.

    `offset` tells two hours apart that the clock shows twice in autumn, and is "" otherwise. `part`
    is "" for a whole hour, day or week, else "part", with its end where it is still running.
    """
    starts: defaultdict[str, set[datetime]] = defaultdict(set)
    for row in rows:
        starts[_label(row, by, zone)].add(row.start_utc)
    return [
        row_as_json(row)
        | {
            "label": (label := _label(row, by, zone)),
            "offset": row.start_local.isoformat()[-6:] if len(starts[label]) > 1 else "",
            "part": _part(row, by, zone),
        }
        for row in rows
    ]


def _label(row: ReportRow, by: By, zone: ZoneInfo) -> str:
    if by == "hour":
        return f"{row.start_local:%Y-%m-%d %H:%M}"
    first, last = row.start_local.date(), (row.end_utc - _INSTANT).astimezone(zone).date()
    return f"{first}" if by == "day" or first == last else f"{first} \N{EN DASH} {last}"


def _part(row: ReportRow, by: By, zone: ZoneInfo) -> str:
    if not _is_cut(row.end_utc, by, zone):
        return f"part, to {row.end_utc.astimezone(zone):%H:%M}"
    return "" if _is_cut(row.start_utc, by, zone) else "part"


def _is_cut(moment: datetime, by: By, zone: ZoneInfo) -> bool:
    """Whether one whole hour, day or week ends here and another begins."""
    return len(periods(moment - _INSTANT, moment + _INSTANT, by, zone)) > 1
