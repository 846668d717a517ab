"""What a row of a report is called: its time on the site's clock, and whether it is only a part."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from maskwatch.reports.periods import By, periods
from maskwatch.reports.row import ReportRow

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Label:
    """A row's time for people.

    Attributes:
        first: The hour ("2026-11-23 14:00"), the day, or the first day of the week.
        last: The last day of the week; "" where there is but one.
        offset: Tells two hours apart that the clock shows twice in autumn; "" otherwise.
        part: "" for a whole hour, day or week, else "part", with its end where that lies inside a
            day: it is still running, or the report was asked for to that moment.
    """

    first: str
    last: str
    offset: str
    part: str

    def name(self, *, between: str) -> str:
        """The time alone, with `between` between the two days of a week."""
        return f"{self.first}{between}{self.last}" if self.last else self.first

    def __str__(self) -> str:
        """All in one line: "2026-11-23 to 2026-11-27 (part, to 08:26)"."""
        part = f"({self.part})" if self.part else ""
        return " ".join(filter(None, (self.name(between=" to "), self.offset, part)))


def labels(rows: Sequence[ReportRow], *, by: By, zone: ZoneInfo) -> list[Label]:
    """One for each row, in their order."""
    days = [_days(row, by, zone) for row in rows]
    starts: defaultdict[tuple[str, str], set[datetime]] = defaultdict(set)
    for row, shown in zip(rows, days, strict=True):
        starts[shown].add(row.start_utc)
    return [
        Label(
            *shown,
            offset=row.start_local.isoformat()[-6:] if len(starts[shown]) > 1 else "",
            part=_part(row, by, zone),
        )
        for row, shown in zip(rows, days, strict=True)
    ]


def _days(row: ReportRow, by: By, zone: ZoneInfo) -> tuple[str, str]:
    if by == "hour":
        return f"{row.start_local:%Y-%m-%d %H:%M}", ""
    first, last = row.start_local.date(), (row.end_utc - _INSTANT).astimezone(zone).date()
    return f"{first}", "" if by == "day" or first == last else f"{last}"


def _part(row: ReportRow, by: By, zone: ZoneInfo) -> str:
    if not _is_cut(row.end_utc, by, zone):
        # A midnight would read as that of the day before: the last day is named already.
        is_midnight = _is_cut(row.end_utc, "day", zone)
        return "part" if is_midnight else f"part, to {row.end_utc.astimezone(zone):%H:%M}"
    return "" if _is_cut(row.start_utc, by, zone) else "part"


def _is_cut(moment: datetime, by: By, zone: ZoneInfo) -> bool:
    """Whether one whole hour, day or week ends here and another begins."""
    return len(periods(moment - _INSTANT, moment + _INSTANT, by, zone)) > 1
