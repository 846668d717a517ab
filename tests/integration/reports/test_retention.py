"""What is deleted for its age stays in the reports, on SQLite and PostgreSQL."""

from datetime import date, timedelta

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, inspect, select

from maskwatch.config import ReportSettings, RetentionSettings, Settings, SiteSettings
from maskwatch.contracts import Verdict
from maskwatch.reports import ReportRow, day_of
from maskwatch.storage import migrate, open_database, reading, writing
from maskwatch.storage.database import write_connection
from maskwatch.storage.facts import Facts
from maskwatch.storage.rollup import delete_old, roll_up
from maskwatch.storage.tables import HourRow
from tests.worlds.watched_hours import HOUR, LATER, NOON, add_camera, report, watch

MASK, NO_MASK, INCORRECT, UNREADABLE = Verdict


@pytest.fixture
def settings(database_settings: Settings) -> Settings:
    return database_settings.with_changes(
        site=SiteSettings(timezone="Europe/Paris"), report=ReportSettings()
    )


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


def in_zone(settings: Settings, name: str) -> Settings:
    return settings.with_changes(site=SiteSettings(timezone=name))


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu", "Europe/Paris"])
def test_deleted_days_are_the_same_where_the_clock_is_half_an_hour_off(
    database: Engine, settings: Settings, zone: str
) -> None:
    settings = in_zone(settings, zone)
    day = day_of(date(2026, 7, 2), settings.zone)
    add_camera(database, created_at=day.start - 3 * HOUR)
    # Twelve an hour, also in the two hours of UTC that lie across the midnights.
    for index in range(-1, 25):
        watch(database, day.start + index * HOUR, seen={MASK: 12})

    def days() -> list[ReportRow]:
        return [
            row
            for by in ("hour", "day")
            for row in report(database, settings, day.start, 24, by=by)
        ]

    before = days()
    assert [(row.passages[MASK], row.coverage) for row in before] == [(12, 1.0)] * 24 + [(288, 1.0)]
    old = RetentionSettings(passages_days=1, minutes_days=2)
    delete_old(database, old, now=day.start + timedelta(hours=36, minutes=20))
    assert days() == before
    gone = delete_old(database, old, now=day.start + timedelta(days=9))
    assert (gone.passages > 0, gone.minutes) == (True, 26 * 60)
    roll_up(database, now=day.start + timedelta(days=9), since=day.start)
    assert days() == before


def test_hours_hold_the_same_before_and_after_the_deletion(
    database: Engine, settings: Settings
) -> None:
    watch(database, NOON, minutes=50, seen={MASK: 12, UNREADABLE: 3})
    roll_up(database, now=NOON + HOUR, since=NOON)
    with reading(database) as session:
        before = Facts.of_row(hour := session.scalars(select(HourRow)).one()).columns(), hour.mask
    assert (before[0]["watched_ms"], before[1]) == (3_000_000, 12)

    short = RetentionSettings(passages_days=1, minutes_days=1)
    delete_old(database, short, now=NOON + timedelta(days=9))
    roll_up(database, now=NOON + HOUR, since=NOON)

    with reading(database) as session:
        hour = session.scalars(select(HourRow)).one()
        assert (Facts.of_row(hour).columns(), hour.mask) == before


def test_hours_that_an_earlier_version_closed_are_counted_once_and_added_to(
    database: Engine, settings: Settings
) -> None:
    settings = in_zone(settings, "Asia/Kolkata")
    day = day_of(date(2026, 7, 2), settings.zone)
    first = day.start.replace(minute=0) + HOUR
    with writing(database) as session:
        session.add_all(
            HourRow(
                camera="a", hour=first + index * HOUR, mask=12, watched_ms=3_600_000,
                passages_closed=True, minutes_closed=True, rolled_up_at=NOON,
            )
            for index in range(48)
        )  # fmt: skip

    rows = report(database, settings, day.start, 48, by="day")
    assert [(row.passages[MASK], row.coverage) for row in rows] == [(288, 1.0)] * 2
    singly = [report(database, settings, day.start + n * 24 * HOUR, 24, by="day") for n in (0, 1)]
    assert [row for rows in singly for row in rows] == rows

    watch(database, first, minutes=20, seen={MASK: 5}, epoch="replay")
    for _ in range(2):
        assert report(database, settings, day.start, 24, by="day")[0].passages[MASK] == 293
        delete_old(database, RetentionSettings(passages_days=1, minutes_days=1), now=LATER)
        roll_up(database, now=LATER, since=first)


def test_a_database_of_an_earlier_version_keeps_its_closed_hours(
    database_settings: Settings, settings: Settings
) -> None:
    engine = open_database(database_settings)
    config = Config()
    config.set_main_option("script_location", "maskwatch:storage/migrations")
    with write_connection(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    assert not inspect(engine).has_table("quarters")
    with writing(engine) as session:
        session.add(
            HourRow(
                camera="a", hour=NOON, mask=12, watched_ms=3_000_000, passages_closed=True,
                offline_ms={"timeout": 600_000}, minutes_closed=True, rolled_up_at=NOON,
            )
        )  # fmt: skip

    migrate(engine)

    (row,) = report(engine, settings, NOON, 1)
    assert row.passages[MASK] == 12
    assert row.coverage + row.not_watched["timeout"] == pytest.approx(1)
    engine.dispose()
