"""Reports and passages, as the API and the page give them."""

import csv
import io
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient

from maskwatch.contracts import Camera, Verdict
from maskwatch.storage import writing
from maskwatch.storage.counting import add_minutes, add_passages
from maskwatch.storage.facts import Facts, Passage
from web.services import Services
from web.times import stretch_of

PARIS = ZoneInfo("Europe/Paris")
HOUR = datetime(2026, 11, 20, 9, 0, tzinfo=PARIS)
MASKED, BARE, UNREADABLE = 12, 3, 5


def _passage(number: int, verdict: Verdict, started_at: datetime) -> Passage:
    return Passage(
        camera="hall",
        epoch="e",
        track=number,
        started_at=started_at,
        ended_at=started_at + timedelta(seconds=4),
        verdict=verdict,
        looks=20,
        readable_looks=18,
        probabilities={"mask": 0.9, "no_mask": 0.05, "incorrect": 0.05},
        face_height_px=60.0,
    )


@pytest.fixture
def counted(shared: Services) -> None:
    """One hour of one camera, watched throughout, and half of the next with two passages."""
    shared.cameras.add(Camera(name="hall", url="rtsp://192.0.2.1/s"))
    verdicts = [Verdict.MASK] * MASKED + [Verdict.NO_MASK] * BARE
    verdicts += [Verdict.UNREADABLE] * UNREADABLE
    passages = [
        _passage(number, verdict, HOUR + timedelta(minutes=number))
        for number, verdict in enumerate(verdicts)
    ]
    passages += [_passage(100 + n, Verdict.MASK, HOUR + timedelta(minutes=61 + n)) for n in (0, 1)]
    minutes = {
        (HOUR + timedelta(minutes=n)).astimezone(UTC): Facts(watched_ms=60_000, captured=1500)
        for n in range(90)
    }
    with writing(shared.engine) as session:
        add_passages(session, passages)
        add_minutes(session, "hall", minutes)


@pytest.mark.usefixtures("counted")
def test_an_hour_has_its_rate_its_doubt_and_its_coverage(client: FlaskClient) -> None:
    report = client.get("/api/v1/reports/hour?from=2026-11-20&to=2026-11-20&camera=hall").json
    row = next(r for r in report["rows"] if r["start_local"] == "2026-11-20T09:00:00+01:00")
    assert row["start_utc"] == "2026-11-20T08:00:00Z"
    assert row["passages"] == {"mask": 12, "no_mask": 3, "incorrect": 0, "unreadable": 5}
    assert row["compliance"] == pytest.approx(0.8)
    assert row["interval_95"] == pytest.approx([0.548, 0.930], abs=0.001)
    assert row["bounds"] == pytest.approx([0.6, 0.85])
    assert (row["coverage"], row["enough_data"]) == (1.0, True)


@pytest.mark.usefixtures("counted")
def test_too_little_data_is_null_and_never_zero_percent(client: FlaskClient) -> None:
    report = client.get("/api/v1/reports/hour?from=2026-11-20&to=2026-11-20").json
    thin = next(r for r in report["rows"] if r["start_local"] == "2026-11-20T10:00:00+01:00")
    assert thin["passages"]["mask"] == 2
    assert thin["coverage"] == pytest.approx(0.5)
    assert (thin["compliance"], thin["interval_95"], thin["enough_data"]) == (None, None, False)
    page = client.get("/reports?from=2026-11-20&to=2026-11-20").text
    assert "not enough data" in page
    assert "80.0%" in page
    assert thin["not_watched"] == {"unreported": 0.5}
    assert "50.0% unreported" in page


@pytest.mark.usefixtures("counted")
def test_the_download_holds_the_same_rows(client: FlaskClient) -> None:
    query = "from=2026-11-20&to=2026-11-20&camera=hall&by=day"
    answer = client.get(f"/reports/download.csv?{query}")
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="compliance-day-2026-11-20-2026-11-20.csv"'
    )
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["mask"] for row in rows] == ["14"]
    assert client.get(f"/reports/download.json?{query}").json[0]["passages"]["mask"] == 14
    assert client.get(f"/reports/download.pdf?{query}").status_code == 404


@pytest.mark.usefixtures("counted")
def test_passages_come_newest_first_and_can_be_chosen(client: FlaskClient) -> None:
    path = "/api/v1/passages?from=2026-11-20T08:00:00Z&to=2026-11-20T09:00:00Z"
    passages = client.get(path).json["passages"]
    assert len(passages) == MASKED + BARE + UNREADABLE
    assert passages[0]["start_utc"] > passages[-1]["start_utc"]
    assert passages[-1]["start_utc"] == "2026-11-20T08:00:00.000Z"
    assert passages[-1]["start_local"] == "2026-11-20T09:00:00+01:00"
    chosen = client.get(f"{path}&verdict=no_mask&limit=2").json["passages"]
    assert [passage["verdict"] for passage in chosen] == ["no_mask", "no_mask"]


@pytest.mark.usefixtures("counted")
def test_the_page_marks_the_hour_that_is_running(client: FlaskClient) -> None:
    assert "(part" in client.get("/cameras/hall").text
    past = client.get("/reports?by=week&from=2026-11-16&to=2026-11-22").text
    assert "2026-11-16 \N{EN DASH} 2026-11-22" in past
    assert "(part" not in past
    assert "(part)" in client.get("/reports?by=week&from=2026-11-18&to=2026-11-22").text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/reports/hour?from=yesterday", 400),
        ("/api/v1/reports/hour?from=2026-11-20&to=2026-11-19", 400),
        ("/api/v1/reports/hour?from=2020-01-01&to=2026-11-19", 400),
        ("/api/v1/reports/hour?from=9999-12-31", 400),
        ("/api/v1/reports/week?from=0001-01-01T00:00:00Z", 400),
        ("/api/v1/reports/week?from=0002-01-01&to=9998-12-31", 400),
        ("/api/v1/reports/hour?from=1970-01-01&to=9998-12-31", 400),
        ("/api/v1/reports/hour?to=9999-12-31T23:59:59.999999-12:00", 400),
        ("/api/v1/passages?from=9999-12-31T23:59:59-12:00", 400),
        ("/api/v1/passages?to=0001-01-01T00:00:00%2B14:00", 400),
        ("/api/v1/reports/hour?camera=nobody", 404),
        ("/api/v1/reports/minute", 404),
        ("/api/v1/passages?camera=nobody", 404),
        ("/api/v1/passages?verdict=maybe", 422),
        ("/api/v1/passages?limit=0", 422),
        ("/reports?by=minute", 400),
        ("/reports?from=yesterday", 400),
        ("/reports?from=0001-01-01", 400),
        ("/reports?to=9999-12-31&by=week", 400),
        ("/reports?from=1970-01-01&to=9998-12-31", 400),
        ("/reports/download.csv?from=9999-12-31", 400),
        ("/reports?camera=nobody", 404),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_in_words(
    client: FlaskClient, path: str, status: int
) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    if path.startswith("/api/"):
        assert set(answer.json) == {"message", "detail"}
    else:
        assert "To the wall" in answer.text


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("from=9999-12-31", "is too far away; reports take the years 1970 to 9998"),
        ("from=yesterday", "is no day; write it as 2026-11-23"),
        ("from=2020-01-01&to=2026-11-19", "a report by hour covers 62 days at most"),
        ("by=minute", "A report is by hour, day or week"),
        ("camera=nobody", "there is no camera"),
    ],
)
def test_the_page_says_why_it_refuses(client: FlaskClient, query: str, reason: str) -> None:
    assert reason in client.get(f"/reports?{query}").text


def test_a_local_day_is_as_long_as_its_clock_says() -> None:
    now = datetime(2026, 10, 25, 12, 0, tzinfo=UTC)
    start, end = stretch_of(None, None, zone=PARIS, now=now)
    assert end - start == timedelta(hours=25)
    start, end = stretch_of("2026-03-29", "2026-03-29", zone=PARIS, now=now)
    assert end - start == timedelta(hours=23)


def test_a_moment_without_an_offset_is_the_sites() -> None:
    now = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    start, _ = stretch_of("2026-11-20T09:30", "2026-11-20T10:00Z", zone=PARIS, now=now)
    assert start == datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
