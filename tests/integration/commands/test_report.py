"""`maskwatch report` as a user types it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from maskwatch.cli import cli
from maskwatch.config import Settings
from maskwatch.contracts import Camera, Verdict
from maskwatch.errors import CameraError, MediaError
from maskwatch.storage import CameraStore, migrate, open_database, writing
from maskwatch.storage.counting import add_minutes, add_passages
from maskwatch.storage.facts import Facts, Passage

HOUR = datetime(2026, 7, 1, 12, tzinfo=UTC)


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
    ],
)
def test_wrong_usage_is_exit_code_two(arguments: list[str]) -> None:
    assert maskwatch(*arguments).exit_code == 2
