"""What rows of a report are called."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from maskwatch.contracts import Verdict
from maskwatch.reports import By, ReportRow, labels, periods

PARIS = ZoneInfo("Europe/Paris")


def _rows(start: datetime, end: datetime, by: By, *, cameras: int = 1) -> list[ReportRow]:
    return [
        ReportRow(
            camera=f"cam-{number}",
            start_utc=period.start,
            end_utc=period.end,
            start_local=period.start.astimezone(PARIS),
            passages=dict.fromkeys(Verdict, 0),
            compliance=None,
            interval_95=None,
            bounds=None,
            coverage=1.0,
            not_watched={},
            enough_data=False,
        )
        for period in periods(start, end, by, PARIS)
        for number in range(cameras)
    ]


def _names(start: datetime, end: datetime, by: By, *, cameras: int = 1) -> list[str]:
    rows = _rows(start, end, by, cameras=cameras)
    return [str(label) for label in labels(rows, by=by, zone=PARIS)]


def test_the_running_hour_and_day_say_how_far_they_go() -> None:
    start, now = datetime(2026, 11, 23, tzinfo=PARIS), datetime(2026, 11, 23, 1, 31, tzinfo=PARIS)
    assert _names(start, now, "hour") == ["2026-11-23 00:00", "2026-11-23 01:00 (part, to 01:31)"]
    assert _names(start, now, "day") == ["2026-11-23 (part, to 01:31)"]
    assert _names(start, now, "week") == ["2026-11-23 (part, to 01:31)"]


def test_a_week_has_both_its_days_and_a_part_of_one_says_so() -> None:
    start, now = datetime(2026, 11, 12, tzinfo=PARIS), datetime(2026, 11, 24, 9, 5, tzinfo=PARIS)
    assert _names(start, now, "week") == [
        "2026-11-12 to 2026-11-15 (part)",
        "2026-11-16 to 2026-11-22",
        "2026-11-23 to 2026-11-24 (part, to 09:05)",
    ]


def test_a_part_week_that_ends_with_a_day_names_no_midnight() -> None:
    start, end = datetime(2026, 11, 16, tzinfo=PARIS), datetime(2026, 11, 19, tzinfo=PARIS)
    assert _names(start, end, "week") == ["2026-11-16 to 2026-11-18 (part)"]


@pytest.mark.parametrize("day", [(2026, 10, 25), (2026, 3, 29)])
def test_a_day_of_25_or_23_hours_is_whole(day: tuple[int, int, int]) -> None:
    start = datetime(*day, tzinfo=PARIS)
    end = datetime(day[0], day[1], day[2] + 1, tzinfo=PARIS)
    assert _names(start, end, "day") == [f"{date(*day)}"]


def test_an_hour_that_the_clock_shows_twice_has_its_offset() -> None:
    start, end = datetime(2026, 10, 24, 23, tzinfo=UTC), datetime(2026, 10, 25, 2, tzinfo=UTC)
    assert _names(start, end, "hour") == [
        "2026-10-25 01:00",
        "2026-10-25 02:00 +02:00",
        "2026-10-25 02:00 +01:00",
    ]
    # Two cameras in one hour are no reason to tell hours apart.
    assert _names(start, datetime(2026, 10, 25, 0, tzinfo=UTC), "hour", cameras=2) == [
        "2026-10-25 01:00",
        "2026-10-25 01:00",
    ]
