"""Times as the API and the pages give them: UTC, with the site's local time beside it."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from maskwatch.reports import day_of, parse_edge


def utc_text(moment: datetime) -> str:
    """ISO 8601 with a Z, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def local_text(moment: datetime, zone: ZoneInfo) -> str:
    """ISO 8601 with the site's offset, to the second."""
    return moment.astimezone(zone).isoformat(timespec="seconds")


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start and end of a local day, in UTC: 23 or 25 hours apart when clocks change."""
    whole = day_of(day, zone)
    return whole.start, whole.end


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
        ValueError: A text is neither or too far away, or the end is not after the start.
    """
    first = parse_edge(start, zone, is_end=False) if start else None
    last = parse_edge(end, zone, is_end=True) if end else None
    if first is None:
        day = local_today(zone, now=last - timedelta(microseconds=1) if last else now)
        first = day_bounds(day, zone)[0]
    if last is None:
        last = day_bounds(local_today(zone, now=first), zone)[1]
    if last <= first:
        raise ValueError(f"the end, {end!r}, is not after the start, {start!r}")
    return first, last
