"""What a report may be asked for, and the stretch it takes unasked."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from maskwatch.reports import By, check_length, first_day, parse_day, parse_edge

PARIS = ZoneInfo("Europe/Paris")
FAR_ZONES = [ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Etc/GMT+12"), PARIS]


def _start(text: str) -> datetime:
    return parse_edge(text, PARIS, is_end=False)


def _end(text: str) -> datetime:
    return parse_edge(text, PARIS, is_end=True)


@pytest.mark.parametrize("parse", [parse_day, _start, _end])
@pytest.mark.parametrize("text", ["0001-01-01", "0002-01-01", "1969-12-31", "9999-12-31"])
def test_days_at_the_ends_of_the_calendar_are_refused_in_words(
    parse: Callable[[str], object], text: str
) -> None:
    with pytest.raises(ValueError, match=f"'{text}' is too far away; .* 1970 to 9998"):
        parse(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00"])
def test_moments_at_the_ends_of_the_calendar_are_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="too far away"):
        _start(text)


@pytest.mark.parametrize("zone", FAR_ZONES, ids=str)
@pytest.mark.parametrize(
    "text", ["1970-01-01", "9998-12-31", "1970-01-01T00:00+23:59", "9998-12-31T23:59:59-23:59"]
)
def test_what_is_taken_has_a_start_an_end_and_a_first_week(text: str, zone: ZoneInfo) -> None:
    assert parse_edge(text, zone, is_end=False) <= parse_edge(text, zone, is_end=True)
    day = parse_day(text[:10])
    assert first_day("week", day) <= day


def test_an_end_includes_its_day_however_it_is_written() -> None:
    assert _end("2026-11-23") == _end("20261123") == datetime(2026, 11, 23, 23, tzinfo=UTC)
    assert _end("2026-11-23T14:00") == datetime(2026, 11, 23, 13, tzinfo=UTC)


@pytest.mark.parametrize(("by", "days"), [("hour", 62), ("day", 1100), ("week", 3700)])
def test_a_report_of_more_rows_than_anybody_reads_is_refused(by: By, days: int) -> None:
    start = datetime(2016, 1, 1, tzinfo=UTC)
    check_length(start, start + timedelta(days=days), by=by)
    with pytest.raises(ValueError, match=f"by {by} covers {days} days at most"):
        check_length(start, start + timedelta(days=days + 1), by=by)


def test_a_report_by_week_begins_on_a_monday() -> None:
    for last in (date(2026, 11, 23), date(2026, 11, 29)):
        assert first_day("week", last) == date(2026, 11, 2)
    assert first_day("day", date(2026, 11, 28)) == date(2026, 11, 1)
    assert first_day("hour", date(2026, 11, 23)) == date(2026, 11, 23)
