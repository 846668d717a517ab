"""`maskwatch report` as a user types it."""

import json
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from maskwatch.cli import cli
from maskwatch.config import Settings
from maskwatch.contracts import Camera, Verdict
from maskwatch.errors import CameraError, MediaError
from maskwatch.reports import By, first_day
from maskwatch.storage import CameraStore, migrate, open_database, writing
from maskwatch.storage.counting import add_minutes, add_passages
from maskwatch.storage.facts import Facts, Passage
from tests.worlds.watched_hours import add_camera

HOUR = datetime(2026, 7, 1, 12, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWATCH_CONFIG", "/dev/null")
    monkeypatch.setenv("MASKWATCH_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MASKWATCH_SITE__TIMEZONE", "Europe/Paris")
    engine = open_database(Settings(data_dir=tmp_path))
    migrate(engine)
    minutes = {HOUR + timedelta(minutes=index): Facts(watched_ms=60_000) for index in range(60)}
    CameraStore(engine).add(Camera(name="a", url="rtsp://cam/1"))
    with writing(engine) as session:
        add_minutes(session, "a", minutes)
        add_passages(
            session,
            [
                Passage(
                    camera="a", epoch="e", track=index, started_at=HOUR + timedelta(minutes=index),
                    ended_at=HOUR + timedelta(minutes=index), looks=5, readable_looks=5,
                    verdict=Verdict.MASK if index < 15 else Verdict.NO_MASK,
                    probabilities={"mask": 1.0}, face_height_px=50.0,
                )
                for index in range(20)
            ],
        )  # fmt: skip
    engine.dispose()


def maskwatch(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["report", *arguments])


def test_a_day_in_json() -> None:
    result = maskwatch("--day", "2026-07-01", "--format", "json", "--camera", "a")

    (row,) = json.loads(result.stdout)
    assert row["start_local"] == "2026-07-01T14:00:00+02:00"
    assert (row["passages"]["mask"], row["passages"]["no_mask"]) == (15, 5)
    assert (row["compliance"], row["coverage"], row["enough_data"]) == (0.75, 1.0, True)


@pytest.mark.parametrize(
    "stretch",
    [
        ["--from", "2026-07-01T14:00", "--to", "2026-07-01T15:00"],
        ["--from", "2026-07-01T12:00:00+00:00", "--to", "2026-07-01T13:00:00+00:00"],
        ["--from", "2026-07-01", "--to", "2026-07-01"],
    ],
)
def test_times_without_a_zone_are_the_sites(stretch: list[str]) -> None:
    (row,) = json.loads(maskwatch(*stretch, "--format", "json").stdout)

    assert row["passages"]["mask"] == 15


def test_a_table_by_day_names_the_unit() -> None:
    result = maskwatch("--day", "2026-07-01", "--by", "day")

    assert result.exit_code == 0
    # One hour of 24 was watched: no rate, and certainly not 0 %.
    assert "not enough data" in result.stdout
    assert "4.2 %" in result.stdout
    assert "passage" in result.stdout


def test_a_year_by_hour_can_be_had() -> None:
    year = ["--from", "2025-07-02", "--to", "2026-07-01", "--by", "hour", "--camera", "a"]
    rows = maskwatch(*year, "--format", "csv").stdout.splitlines()[1:]

    assert [row for row in rows if "2026-07-01T14:00" in row]


@pytest.mark.parametrize(("form", "begins"), [("csv", "camera,"), ("html", "<!doctype html>")])
def test_a_report_can_be_written_to_a_file(tmp_path: Path, form: str, begins: str) -> None:
    out = tmp_path / "report"

    result = maskwatch("--day", "2026-07-01", "--format", form, "--out", str(out))

    assert result.exit_code == 0
    assert out.read_text().startswith(begins)


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    result = maskwatch("--day", "2026-07-01", "--out", str(tmp_path / "no" / "report"))

    assert isinstance(result.exception, MediaError)
    assert "cannot be written" in str(result.exception)


def test_a_misspelt_camera_is_told() -> None:
    result = maskwatch("--camera", "b", "--day", "2026-07-01")

    assert isinstance(result.exception, CameraError)
    assert "there are: a" in str(result.exception)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--day", "yesterday"],
        ["--day", "2026-07-01", "--from", "2026-07-01"],
        ["--to", "2026-07-01"],
        ["--from", "2026-07-02", "--to", "2026-07-01T10:00"],
        ["--from", "noon"],
        ["--by", "minute"],
        ["--day", "9999-12-31"],
        ["--day", "0001-01-01"],
        ["--from", "2026-07-01", "--to", "9999-12-31"],
        ["--from", "0002-01-01T00:00:00+23:59"],
        ["--from", "1970-01-01", "--to", "9998-12-31", "--by", "hour"],
        ["--from", "9998-12-31"],
    ],
)
def test_wrong_usage_is_exit_code_two(arguments: list[str]) -> None:
    result = maskwatch(*arguments)

    assert result.exit_code == 2
    assert "Error: " in result.stderr


@pytest.fixture
def old_camera(tmp_path: Path) -> None:
    """A camera "b" that was there for years and watched nothing."""
    engine = open_database(Settings(data_dir=tmp_path))
    add_camera(engine, "b", created_at=datetime(2024, 1, 1, tzinfo=UTC))
    engine.dispose()


@pytest.mark.usefixtures("old_camera")
@pytest.mark.parametrize("form", ["table", "html"])
def test_weeks_have_both_days_and_a_part_of_one_says_so(form: str) -> None:
    stretch = ["--from", "2025-06-25", "--to", "2025-07-08", "--by", "week", "--format", form]
    stdout = maskwatch(*stretch).stdout

    assert "2025-06-25 to 2025-06-29 (part)" in stdout
    assert "2025-06-30 to 2025-07-06" in stdout
    assert "2025-06-30 to 2025-07-06 (" not in stdout
    assert "2025-07-07 to 2025-07-08 (part)" in stdout
    assert "Times are those of Europe/Paris." in stdout


@pytest.mark.usefixtures("old_camera")
@pytest.mark.parametrize("form", ["table", "html"])
def test_a_day_that_is_cut_off_says_how_far_it_goes(form: str) -> None:
    stretch = ["--from", "2025-07-01", "--to", "2025-07-01T16:30", "--by", "day", "--format", form]

    assert "2025-07-01 (part, to 16:30)" in maskwatch(*stretch).stdout


@pytest.mark.usefixtures("old_camera")
def test_the_repeated_hour_of_autumn_is_told_apart_by_its_offset() -> None:
    stdout = maskwatch("--day", "2025-10-26").stdout

    assert "2025-10-26 02:00 +02:00" in stdout
    assert "2025-10-26 02:00 +01:00" in stdout
    assert "2025-10-26 03:00 +" not in stdout


@pytest.mark.usefixtures("old_camera")
@pytest.mark.parametrize("by", ["hour", "day", "week"])
def test_unasked_it_takes_the_days_that_the_page_shows(by: By) -> None:
    days = [datetime.now(PARIS).date()]
    rows = json.loads(maskwatch("--by", by, "--format", "json").stdout)
    days.append(datetime.now(PARIS).date())  # it may be midnight meanwhile

    begins = datetime.fromisoformat(rows[0]["start_local"])
    assert begins.time() == time()
    assert begins.date() in [first_day(by, day) for day in days]
