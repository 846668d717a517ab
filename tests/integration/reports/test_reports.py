"""Reports with numbers worked out by hand, on SQLite and PostgreSQL."""

import csv
import io
import json
from collections import Counter
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine

from maskwatch.config import ReportSettings, RetentionSettings, Settings, SiteSettings
from maskwatch.contracts import Camera, Verdict
from maskwatch.errors import CameraError
from maskwatch.reports import ReportRow, day_of, render, row_as_json
from maskwatch.storage import CameraStore, writing
from maskwatch.storage.counting import add_minutes, add_passages
from maskwatch.storage.facts import Facts, Passage
from maskwatch.storage.rollup import delete_old
from tests.worlds.watched_hours import HOUR, NOON, add_camera, report, watch

MASK, NO_MASK, INCORRECT, UNREADABLE = Verdict


@pytest.fixture
def settings(database_settings: Settings) -> Settings:
    return database_settings.with_changes(
        site=SiteSettings(timezone="Europe/Paris"), report=ReportSettings()
    )


def _rendered(rows: list[ReportRow], form: str, settings: Settings) -> str:
    return render(rows, form, by="hour", zone=settings.zone, site="Mall <East>")


def test_an_hour_in_numbers(database: Engine, settings: Settings) -> None:
    watch(database, NOON, minutes=54, seen={MASK: 30, NO_MASK: 8, INCORRECT: 2, UNREADABLE: 10})

    (row,) = report(database, settings, NOON, 1)

    assert row_as_json(row) == {
        "camera": "a",
        "start_utc": "2026-07-01T12:00:00Z",
        "end_utc": "2026-07-01T13:00:00Z",
        "start_local": "2026-07-01T14:00:00+02:00",
        "passages": {"mask": 30, "no_mask": 8, "incorrect": 2, "unreadable": 10},
        "compliance": 0.75,
        "interval_95": [0.59806, 0.858129],
        "bounds": [0.6, 0.8],
        "coverage": 0.9,
        "not_watched": {"unreported": 0.1},
        "enough_data": True,
    }


def test_an_hour_that_was_not_watched_is_no_zero(database: Engine, settings: Settings) -> None:
    add_camera(database)
    watch(database, NOON, seen={NO_MASK: 20})

    watched, missing = report(database, settings, NOON, 2)

    assert (watched.compliance, watched.coverage, watched.enough_data) == (0.0, 1.0, True)
    assert (missing.compliance, missing.coverage, missing.enough_data) == (None, 0.0, False)
    assert missing.interval_95 is None
    assert missing.bounds is None


def test_a_report_says_why_time_was_not_watched(database: Engine, settings: Settings) -> None:
    half = Facts(watched_ms=27_600)
    half.offline_ms.update(dropped=27_600, dark=4_800)
    away = Facts(offline_ms=Counter(timeout=60_000))
    add_camera(database)
    with writing(database) as session:
        minutes = {NOON + timedelta(minutes=n): half if n < 30 else away for n in range(45)}
        add_minutes(session, "a", minutes)
    expected = {"timeout": 0.25, "unreported": 0.25, "dropped": 0.23, "dark": 0.04}

    def check() -> None:
        (row,) = report(database, settings, NOON, 1)
        assert row.coverage == pytest.approx(0.23)
        assert row.not_watched == pytest.approx(expected)
        assert row.coverage + sum(row.not_watched.values()) == pytest.approx(1)
        (line,) = csv.DictReader(io.StringIO(_rendered([row], "csv", settings)))
        assert line["not_watched"] == "timeout 0.25; unreported 0.25; dropped 0.23; dark 0.04"
        told = "25.0 % timeout, 25.0 % unreported, 23.0 % dropped, 4.0 % dark"
        assert told in _rendered([row], "table", settings)
        assert told in _rendered([row], "html", settings)

    check()
    delete_old(database, RetentionSettings(minutes_days=1), now=NOON + timedelta(days=9))
    check()


def test_reasons_that_two_processes_gave_for_one_second_fill_no_more_than_is_missing(
    database: Engine, settings: Settings
) -> None:
    add_camera(database)
    facts = Facts(watched_ms=45_000, offline_ms=Counter(dropped=45_000))
    with writing(database) as session:
        add_minutes(session, "a", {NOON + timedelta(minutes=n): facts for n in range(60)})

    (row,) = report(database, settings, NOON, 1)

    assert row_as_json(row)["not_watched"] == {"dropped": 0.25}


@pytest.mark.parametrize(
    ("minutes", "passages", "enough"), [(30, 10, True), (29, 10, False), (30, 9, False)]
)
def test_a_rate_needs_coverage_and_readable_passages(
    database: Engine, settings: Settings, minutes: int, passages: int, enough: bool
) -> None:
    watch(database, NOON, minutes=minutes, seen={MASK: passages, UNREADABLE: 50})

    (row,) = report(database, settings, NOON, 1)

    assert row.enough_data is enough
    assert (row.compliance is not None) is enough


def test_the_running_hour_is_measured_against_the_time_that_has_passed(
    database: Engine, settings: Settings
) -> None:
    watch(database, NOON, minutes=15, seen={MASK: 12})

    (row,) = report(database, settings, NOON, 3, now=NOON + timedelta(minutes=20))

    assert row.coverage == 0.75
    assert row.compliance == 1.0
    assert row.end_utc == NOON + timedelta(minutes=20)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_a_day_when_the_clock_changes_is_covered_whole(
    database: Engine, settings: Settings, day: date, hours: int
) -> None:
    whole = day_of(day, settings.zone)
    for index in range(-1, hours + 1):
        watch(database, whole.start + index * HOUR, seen={MASK: 1})

    (row,) = report(database, settings, whole.start, hours, by="day")
    by_hour = report(database, settings, whole.start, hours)

    assert row.passages[MASK] == hours
    assert row.coverage == 1.0
    assert [each.passages[MASK] for each in by_hour] == [1] * hours
    assert len({each.start_local.isoformat() for each in by_hour}) == hours


def test_a_passage_belongs_to_the_hour_of_its_first_look(
    database: Engine, settings: Settings
) -> None:
    start = NOON + timedelta(minutes=59, seconds=58)
    with writing(database) as session:
        add_passages(session, [
            Passage(
                camera="a", epoch="e", track=1, started_at=start,
                ended_at=start + timedelta(seconds=9), verdict=MASK, looks=9, readable_looks=9,
                probabilities={"mask": 1.0}, face_height_px=50,
            )
        ])  # fmt: skip

    rows = report(database, settings, NOON, 2)

    assert [(row.start_utc, row.passages[MASK]) for row in rows] == [(NOON, 1)]


def test_cameras_are_told_apart_and_a_week_adds_up(database: Engine, settings: Settings) -> None:
    for day in range(3):
        watch(database, NOON + timedelta(days=day), seen={MASK: 5}, camera="a")
        watch(database, NOON + timedelta(days=day), seen={NO_MASK: 2}, camera="b")

    rows = report(database, settings, NOON - timedelta(days=2), 24 * 7, by="week")

    assert [(row.camera, row.passages[MASK], row.passages[NO_MASK]) for row in rows] == [
        ("a", 15, 0),
        ("b", 0, 6),
    ]
    only_b = report(database, settings, NOON, 1, camera="b")
    assert [row.camera for row in only_b] == ["b"]


def test_a_camera_has_no_rows_before_it_was_added_and_keeps_them_when_removed(
    database: Engine, settings: Settings
) -> None:
    add_camera(database, created_at=NOON + timedelta(minutes=30))
    watch(database, NOON + HOUR, seen={MASK: 3})

    assert [row.start_utc for row in report(database, settings, NOON - HOUR, 3)] == [
        NOON,
        NOON + HOUR,
    ]
    CameraStore(database).remove("a")
    assert report(database, settings, NOON + HOUR, 1)[0].passages[MASK] == 3


def test_a_camera_that_is_removed_and_added_again_keeps_its_unwatched_hours(
    database: Engine, settings: Settings
) -> None:
    add_camera(database)
    watch(database, NOON, minutes=30, seen={NO_MASK: 12})
    before = report(database, settings, NOON - HOUR, 4)
    assert [row.coverage for row in before] == [0.0, 0.5, 0.0, 0.0]

    CameraStore(database).remove("a")
    CameraStore(database).add(Camera(name="a", url="rtsp://cam/2"))

    assert report(database, settings, NOON - HOUR, 4) == before


def test_a_misspelt_camera_is_an_error(database: Engine, settings: Settings) -> None:
    add_camera(database, "entrance")

    with pytest.raises(CameraError, match="no camera 'entrence' to report on; there are: entrance"):
        report(database, settings, NOON, 1, camera="entrence")


def test_formats_say_the_same(database: Engine, settings: Settings) -> None:
    add_camera(database)
    watch(database, NOON, seen={MASK: 9, NO_MASK: 3})
    rows = report(database, settings, NOON, 2)

    table, as_html = _rendered(rows, "table", settings), _rendered(rows, "html", settings)
    lines = list(csv.DictReader(io.StringIO(_rendered(rows, "csv", settings))))

    assert json.loads(_rendered(rows, "json", settings)) == [row_as_json(row) for row in rows]
    assert [line["compliance"] for line in lines] == ["0.75", ""]
    assert [line["coverage"] for line in lines] == ["1.0", "0.0"]
    assert [line["not_watched"] for line in lines] == ["", "unreported 1.0"]
    assert "100.0 % unreported" in table
    assert [line["enough_data"] for line in lines] == ["true", "false"]
    assert "75.0 %" in table
    assert "not watched" in table
    assert "0.0 %  not" not in table
    assert "Mall &lt;East&gt;" in as_html
    assert "75.0 %" in as_html
