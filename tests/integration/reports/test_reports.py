"""Reports with numbers worked out by hand, on SQLite and PostgreSQL."""

import csv
import io
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, update

from maskwatch.config import ReportSettings, RetentionSettings, Settings, SiteSettings
from maskwatch.contracts import Camera, Verdict
from maskwatch.errors import CameraError
from maskwatch.reports import ReportRow, day_of, render, report_rows, row_as_json
from maskwatch.storage import CameraStore, writing
from maskwatch.storage.counting import add_minutes, add_passages
from maskwatch.storage.facts import Facts, Passage
from maskwatch.storage.rollup import delete_old, roll_up
from maskwatch.storage.tables import CameraRow

MASK, NO_MASK, INCORRECT, UNREADABLE = Verdict
NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(days=400)
HOUR = timedelta(hours=1)


@pytest.fixture
def settings(database_settings: Settings) -> Settings:
    return database_settings.with_changes(
        site=SiteSettings(timezone="Europe/Paris"), report=ReportSettings()
    )


def watch(
    engine: Engine,
    start: datetime,
    *,
    minutes: int = 60,
    seen: Mapping[Verdict, int] | None = None,
    camera: str = "a",
    epoch: str = "e",
) -> None:
    """Watch so many whole minutes; passages are spread over them."""
    verdicts = [verdict for verdict, number in (seen or {}).items() for _ in range(number)]
    step = timedelta(minutes=minutes) / max(len(verdicts), 1)
    with writing(engine) as session:
        add_minutes(
            session,
            camera,
            {
                start + timedelta(minutes=index): Facts(watched_ms=60_000, analysed=300)
                for index in range(minutes)
            },
        )
        add_passages(
            session,
            [
                Passage(
                    camera=camera, epoch=f"{epoch} {start}", track=index,
                    started_at=start + step * index, ended_at=start + step * index,
                    verdict=verdict, looks=9, readable_looks=8,
                    probabilities={"mask": 1.0, "no_mask": 0.0, "incorrect": 0.0},
                    face_height_px=60.0,
                )
                for index, verdict in enumerate(verdicts)
            ],
        )  # fmt: skip


def add_camera(engine: Engine, name: str = "a", *, created_at: datetime = NOON - HOUR) -> None:
    CameraStore(engine).add(Camera(name=name, url="rtsp://cam/1"))
    with writing(engine) as session:
        session.execute(
            update(CameraRow).where(CameraRow.name == name).values(created_at=created_at)
        )


def report(
    engine: Engine, settings: Settings, start: datetime, hours: int, **options: object
) -> list[ReportRow]:
    arguments: dict[str, object] = {"by": "hour", "now": LATER, **options}
    return report_rows(
        engine,
        settings,
        start=start,
        end=start + hours * HOUR,
        **arguments,  # type: ignore[arg-type]
    )


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


def test_rolling_up_twice_and_deleting_what_is_old_changes_no_report(
    database: Engine, settings: Settings
) -> None:
    add_camera(database)
    for index in range(5):
        watch(database, NOON + index * HOUR, minutes=50, seen={MASK: 12 + index, UNREADABLE: 2})
    before = report(database, settings, NOON, 6)

    now = NOON + timedelta(hours=6)
    assert roll_up(database, now=now, since=NOON) == roll_up(database, now=now, since=NOON) == 5
    assert report(database, settings, NOON, 6) == before
    short = RetentionSettings(passages_days=1, minutes_days=2)
    first = delete_old(database, short, now=NOON + timedelta(days=1, hours=3))
    assert (first.passages, first.minutes) == (14 + 15 + 16, 0)
    assert report(database, settings, NOON, 6) == before
    second = delete_old(database, short, now=NOON + timedelta(days=9))
    assert (second.passages, second.minutes) == (17 + 18, 250)
    assert report(database, settings, NOON, 6) == before
    assert delete_old(database, short, now=NOON + timedelta(days=9)).passages == 0
    roll_up(database, now=now, since=NOON)
    assert report(database, settings, NOON, 6) == before


def test_old_footage_that_is_replayed_after_deletion_adds_to_its_hour(
    database: Engine, settings: Settings
) -> None:
    short = RetentionSettings(passages_days=1, minutes_days=1)
    watch(database, NOON, minutes=30, seen={MASK: 10})
    delete_old(database, short, now=NOON + timedelta(days=9))

    watch(database, NOON + HOUR / 2, minutes=30, seen={MASK: 5}, epoch="replay")

    for _ in range(2):
        (row,) = report(database, settings, NOON, 1)
        assert (row.passages[MASK], row.coverage) == (15, 1.0)
        roll_up(database, now=NOON + HOUR, since=NOON)
        delete_old(database, short, now=NOON + timedelta(days=9))


def test_formats_say_the_same(database: Engine, settings: Settings) -> None:
    add_camera(database)
    watch(database, NOON, seen={MASK: 9, NO_MASK: 3})
    rows = report(database, settings, NOON, 2)

    table, as_html = render(rows, "table"), render(rows, "html", site="Mall <East>")
    lines = list(csv.DictReader(io.StringIO(render(rows, "csv"))))

    assert json.loads(render(rows, "json")) == [row_as_json(row) for row in rows]
    assert [line["compliance"] for line in lines] == ["0.75", ""]
    assert [line["coverage"] for line in lines] == ["1.0", "0.0"]
    assert [line["enough_data"] for line in lines] == ["true", "false"]
    assert "75.0 %" in table
    assert "not watched" in table
    assert "0.0 %  not" not in table
    assert "Mall &lt;East&gt;" in as_html
    assert "75.0 %" in as_html
