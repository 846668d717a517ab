"""Hours, days and weeks of the site's clock, also where the clock is changed."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

By = Literal["hour", "day", "week"]
STEPS: Final[tuple[By, ...]] = ("hour", "day", "week")


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time, both ends in UTC, the end exclusive."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """Length; a day has 23, 24 or 25 hours."""
        return (self.end - self.start).total_seconds()


def day_of(day: date, zone: ZoneInfo) -> Period:
    """A day of the site's calendar."""
    return Period(_midnight(day, zone), _midnight(day + timedelta(days=1), zone))


def periods(start: datetime, end: datetime, by: By, zone: ZoneInfo) -> list[Period]:
    """Cut [start, end) at the full hours, midnights or Mondays of the site's clock.

    Args:
        start: Aware.
        end: Aware.
        by: "hour", "day" or "week" (from Monday).
        zone: Of the site.

    Returns:
        Neighbouring periods that fill the stretch; the first and last may be parts.
    """
    found = []
    begin, last = start.astimezone(UTC), end.astimezone(UTC)
    while begin < last:
        end_of_this = min(_next_cut(begin, by, zone), last)
        found.append(Period(begin, end_of_this))
        begin = end_of_this
    return found


def _next_cut(moment: datetime, by: By, zone: ZoneInfo) -> datetime:
    local = moment.astimezone(zone)
    if by == "hour":
        # Steps of UTC: the hour that the clock repeats in autumn is two hours.
        passed = timedelta(
            minutes=local.minute, seconds=local.second, microseconds=local.microsecond
        )
        return moment - passed + timedelta(hours=1)
    days = 1 if by == "day" else 7 - local.weekday()
    return _midnight(local.date() + timedelta(days=days), zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
