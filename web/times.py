"""Times as the API and the pages give them: UTC, with the site's local time beside it."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

LONGEST_DAYS: Final = {"hour": 62, "day": 1100, "week": 3700}
"""The longest report of each step."""


def utc_text(moment: datetime) -> str:
    """ISO 8601 with a Z, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def local_text(moment: datetime, zone: ZoneInfo) -> str:
    """ISO 8601 with the site's offset, to the second."""
    return moment.astimezone(zone).isoformat(timespec="seconds")


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start and end of a local day, in UTC: 23 or 25 hours apart when clocks change."""
    start = datetime.combine(day, time(), tzinfo=zone)
    end = datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)
    return start.astimezone(UTC), end.astimezone(UTC)


def local_today(zone: ZoneInfo, *, now: datetime) -> date:
    """The site's present day."""
    return now.astimezone(zone).date()


def stretch_of(
    start: str | None, end: str | None, *, zone: ZoneInfo, now: datetime
) -> tuple[datetime, datetime]:
    """The stretch that two texts name, in UTC; without texts, the present local day.

    Args:
        start: A local day or an ISO 8601 moment; None is the start of the day of `end`, or today.
        end: A local day (included) or a moment (excluded); None is the end of the day of `start`.
        zone: The site's time zone; also that of a moment without one.
        now: The present moment.

    Raises:
        ValueError: A text is neither, or the end is not after the start.
    """
    first = _edge(start, zone, is_end=False) if start else None
    last = _edge(end, zone, is_end=True) if end else None
    if first is None:
        day = local_today(zone, now=last - timedelta(microseconds=1) if last else now)
        first = day_bounds(day, zone)[0]
    if last is None:
        last = day_bounds(local_today(zone, now=first), zone)[1]
    if last <= first:
        raise ValueError(f"the end, {end!r}, is not after the start, {start!r}")
    return first, last


def _edge(text: str, zone: ZoneInfo, *, is_end: bool) -> datetime:
    try:
        if len(text) <= len("2026-11-23"):
            return day_bounds(date.fromisoformat(text), zone)[1 if is_end else 0]
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{text[:40]!r} is neither a day (2026-11-23) nor a moment (2026-11-23T14:00:00Z)"
        ) from error
    aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return aware.astimezone(UTC)


def check_length(start: datetime, end: datetime, *, by: str) -> None:
    """Refuse a report of more rows than anybody reads.

    Raises:
        ValueError: The stretch is too long for this step.
    """
    days = LONGEST_DAYS[by]
    if end - start > timedelta(days=days, hours=1):
        raise ValueError(f"a report by {by} covers {days} days at most; choose a shorter stretch")
