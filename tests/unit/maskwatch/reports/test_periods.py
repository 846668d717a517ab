"""Hours, days and weeks of the site's clock."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from maskwatch.reports import day_of, periods

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 7, 1), 24)]
)
def test_a_day_has_the_hours_that_its_clock_shows(day: date, hours: int) -> None:
    whole = day_of(day, PARIS)

    assert whole.seconds == hours * 3600
    cut = periods(whole.start, whole.end, "hour", PARIS)
    assert len(cut) == hours
    assert all(each.seconds == 3600 for each in cut)
    assert [one.end for one in cut[:-1]] == [other.start for other in cut[1:]]


def test_the_hour_that_comes_twice_in_autumn_is_two_hours() -> None:
    whole = day_of(date(2026, 10, 25), PARIS)
    local = [
        each.start.astimezone(PARIS) for each in periods(whole.start, whole.end, "hour", PARIS)
    ]

    assert [moment.isoformat() for moment in local[2:4]] == [
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:00:00+01:00",
    ]


def test_the_hour_that_is_left_out_in_spring_is_no_hour() -> None:
    whole = day_of(date(2026, 3, 29), PARIS)
    local = [
        each.start.astimezone(PARIS) for each in periods(whole.start, whole.end, "hour", PARIS)
    ]

    assert [moment.hour for moment in local[:4]] == [0, 1, 3, 4]


def test_days_and_weeks_begin_at_local_midnight() -> None:
    start, end = datetime(2026, 10, 20, 12, tzinfo=UTC), datetime(2026, 11, 3, tzinfo=UTC)

    days = periods(start, end, "day", PARIS)
    weeks = periods(start, end, "week", PARIS)

    assert [each.seconds / 3600 for each in days[:7]] == [10, 24, 24, 24, 24, 25, 24]
    assert [each.start.astimezone(PARIS).isoformat() for each in weeks[1:]] == [
        "2026-10-26T00:00:00+01:00",
        "2026-11-02T00:00:00+01:00",
    ]


def test_half_hour_zones_have_hours_of_their_own() -> None:
    kolkata = ZoneInfo("Asia/Kolkata")
    start = datetime(2026, 7, 1, 6, 0, tzinfo=UTC)

    cut = periods(start, start + timedelta(hours=2), "hour", kolkata)

    assert [each.seconds for each in cut] == [1800, 3600, 1800]
    assert cut[1].start.astimezone(kolkata).minute == 0


def test_nothing_is_no_period() -> None:
    moment = datetime(2026, 7, 1, tzinfo=UTC)

    assert periods(moment, moment, "hour", PARIS) == []
