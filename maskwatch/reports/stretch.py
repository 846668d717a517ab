"""The stretch of time that a report is asked for: what may be written, and the defaults."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from maskwatch.reports.periods import By, day_of

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 9998
"""`datetime` ends at 9999: a day more and every time zone must have room. No camera is from before
1970."""

LONGEST_DAYS: Final[dict[By, int]] = {"hour": 62, "day": 1100, "week": 3700}
"""The longest report of each step over HTTP, where somebody waits for it."""

LONGEST_ON_FILE_DAYS: Final[dict[By, int]] = {"hour": 1100, "day": 3700, "week": 3700}
"""The same of `maskwatch report`: three years by hour are 26,400 rows a camera."""

DAYS_SHOWN: Final = 28
"""What a report by day shows unless somebody chooses."""

WEEKS_SHOWN: Final = 4
"""What a report by week shows, the present one among them."""


def parse_day(text: str) -> date:
    """The day that is written.

    Raises:
        ValueError: It is no day, or lies outside `FIRST_YEAR` to `LAST_YEAR`.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text[:40]!r} is no day; write it as 2026-11-23") from error
    _check_year(text, day)
    return day


def parse_edge(text: str, zone: ZoneInfo, *, is_end: bool) -> datetime:
    """The start or end, in UTC, that a local day or a moment names.

    Args:
        text: A day, or an ISO 8601 moment.
        zone: The site's time zone; also that of a moment without one.
        is_end: A day ends the stretch: it is included.

    Raises:
        ValueError: It is neither, or lies outside `FIRST_YEAR` to `LAST_YEAR`.
    """
    is_day = len(text) <= len("2026-11-23")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"{text[:40]!r} is neither a day (2026-11-23) nor a moment (2026-11-23T14:00:00Z)"
        ) from error
    _check_year(text, moment)
    if is_day:
        whole = day_of(moment.date(), zone)
        return whole.end if is_end else whole.start
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def check_length(
    start: datetime, end: datetime, *, by: By, longest: Mapping[By, int] = LONGEST_DAYS
) -> None:
    """Refuse a report of more rows than anybody reads.

    Args:
        start: Begin of the report.
        end: Its end.
        by: Its step.
        longest: Days at most, by step.

    Raises:
        ValueError: The stretch is too long for this step.
    """
    days = longest[by]
    # An hour more, for the 25 hours of a day in autumn.
    if end - start > timedelta(days=days, hours=1):
        raise ValueError(f"a report by {by} covers {days} days at most; choose a shorter stretch")


def first_day(by: By, last: date) -> date:
    """The day with which a report begins that ends with `last`, unless somebody chooses."""
    if by == "hour":
        return last
    if by == "day":
        return last - timedelta(days=DAYS_SHOWN - 1)
    # From a Monday, so that the first week is a whole one.
    return last - timedelta(days=last.weekday(), weeks=WEEKS_SHOWN - 1)


def _check_year(text: str, day: date) -> None:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(
            f"{text[:40]!r} is too far away; reports take the years {FIRST_YEAR} to {LAST_YEAR}"
        )
