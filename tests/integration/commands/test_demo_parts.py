"""What the demo is made of: its cameras, its folders, its clock of the truth."""

import fcntl
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
import redis
from sqlalchemy import Engine

from maskwatch.bus import ResultLog
from maskwatch.commands.demo.folders import beside_running_demo, demo_home, fresh_folder
from maskwatch.commands.demo.mall import MallCamera, camera_name, make_mall
from maskwatch.commands.demo.tally import TRUTH_KEY, TruthClock, as_json, take_tally
from maskwatch.config import Settings
from maskwatch.contracts import CLASSES, Analysis, FrameHeader, Verdict
from maskwatch.errors import MaskwatchError
from maskwatch.simulator.film import Film
from maskwatch.simulator.truth import add_totals, count_verdicts
from maskwatch.storage import migrate, open_database, writing
from maskwatch.storage.counting import add_minutes, add_passages
from maskwatch.storage.facts import Facts, Passage
from maskwatch.storage.utc import minute_of

PARIS = ZoneInfo("Europe/Paris")
EVENING = datetime(2026, 11, 23, 23, 59, tzinfo=PARIS)
MORNING = datetime(2026, 11, 24, 0, 0, 1, tzinfo=PARIS)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_database(Settings(data_dir=tmp_path))
    migrate(made)
    yield made
    made.dispose()


def _camera(film: Film, *, rounds: int | None) -> MallCamera:
    return MallCamera("entrance", film, film.path, rounds)


def _analysis(
    media_time_s: float, *, epoch: str = "1", sequence: int = 0, at: datetime = EVENING
) -> Analysis:
    header = FrameHeader(
        camera="entrance",
        epoch=epoch,
        sequence=sequence,
        captured_at_unix_s=at.timestamp(),
        media_time_s=media_time_s,
        width=320,
        height=180,
    )
    return Analysis(header=header, faces=(), timings_ms={}, analysed_at_unix_s=0.0, worker="w")


def test_cameras_have_names_of_places_and_never_the_same_twice() -> None:
    names = [camera_name(number) for number in range(10)]

    assert names[:5] == ["entrance", "food-court", "arcade", "car-park", "entrance-2"]
    assert len(set(names)) == 10


def test_a_camera_that_plays_for_ever_loops_and_one_that_ends_does_not(tiny_film: Film) -> None:
    assert _camera(tiny_film, rounds=None).as_camera(fps=5.0).loops
    assert not _camera(tiny_film, rounds=1).as_camera(fps=5.0).loops
    doubled = {name: 2 * number for name, number in tiny_film.truth.totals().items()}
    assert _camera(tiny_film, rounds=2).totals() == doubled


def test_files_are_exactly_as_long_as_asked_for(tmp_path: Path) -> None:
    (camera,) = make_mall(
        tmp_path, cameras=1, seed=1, seconds=10.0, on_progress=lambda done, total: None
    )

    assert camera.truth.duration_s == pytest.approx(10.0)
    assert camera.rounds == 1
    assert all(passage.end_s < 10.0 for passage in camera.truth.passages)


def test_the_truth_grows_with_what_has_been_played(
    redis_client: redis.Redis, tiny_film: Film
) -> None:
    clock = TruthClock(redis_client, [_camera(tiny_film, rounds=None)], zone=PARIS)
    log = ResultLog(redis_client)
    nothing = dict.fromkeys(("mask", "no_mask", "incorrect"), 0)
    assert clock.update() == {"entrance": nothing}

    log.publish(_analysis(tiny_film.truth.duration_s * 2 + 0.1))

    twice = {name: 2 * number for name, number in tiny_film.truth.totals().items()}
    assert clock.update() == {"entrance": twice}
    published = redis_client.get(TRUTH_KEY)
    assert isinstance(published, bytes)
    assert msgspec.json.decode(published) == {"entrance": twice}


def test_a_camera_that_starts_again_keeps_the_truth_of_before(
    redis_client: redis.Redis, tiny_film: Film
) -> None:
    clock = TruthClock(redis_client, [_camera(tiny_film, rounds=None)], zone=PARIS)
    log = ResultLog(redis_client)
    log.publish(_analysis(tiny_film.truth.duration_s - 0.1, epoch="1"))
    log.publish(_analysis(0.0, epoch="2"))
    once = clock.update()["entrance"]

    log.publish(_analysis(tiny_film.truth.duration_s - 0.1, epoch="2", sequence=1))

    assert once == tiny_film.truth.totals()
    assert clock.update()["entrance"] == {name: 2 * number for name, number in once.items()}


def _published(client: redis.Redis) -> dict[str, int]:
    text = client.get(TRUTH_KEY)
    assert isinstance(text, bytes)
    today: dict[str, dict[str, int]] = msgspec.json.decode(text)
    return today["entrance"]


def test_the_truth_of_today_begins_at_the_sites_midnight_as_the_counts_do(
    redis_client: redis.Redis, tiny_film: Film
) -> None:
    truth = tiny_film.truth
    first = truth.passages[0]
    clock = TruthClock(redis_client, [_camera(tiny_film, rounds=None)], zone=PARIS)
    log = ResultLog(redis_client)
    log.publish(_analysis(truth.duration_s))
    midnight_s = truth.duration_s + (first.start_s + first.end_s) / 2
    log.publish(_analysis(midnight_s, sequence=1, at=MORNING))
    clock.update()
    assert _published(redis_client) == dict.fromkeys(CLASSES, 0)

    log.publish(_analysis(2 * truth.duration_s, sequence=2, at=MORNING))
    whole_run = clock.update()["entrance"]
    begun_before = [p for p in truth.passages if truth.duration_s + p.start_s < midnight_s]
    of_today = {
        name: number - count_verdicts(begun_before)[name] for name, number in truth.totals().items()
    }
    assert _published(redis_client) == of_today
    assert whole_run == {name: 2 * number for name, number in truth.totals().items()}

    log.publish(_analysis(truth.duration_s, epoch="2", sequence=3, at=MORNING))
    clock.update()
    assert _published(redis_client) == add_totals([of_today, truth.totals()])


def test_the_outcome_holds_every_field_of_the_contract(engine: Engine) -> None:
    since = datetime.now(UTC) - timedelta(seconds=30)
    passage = Passage(
        camera="entrance",
        epoch="1",
        track=1,
        started_at=since + timedelta(seconds=1),
        ended_at=since + timedelta(seconds=5),
        verdict=Verdict.MASK,
        looks=20,
        readable_looks=20,
        probabilities={"mask": 0.9, "no_mask": 0.05, "incorrect": 0.05},
        face_height_px=90.0,
    )
    facts = Facts(watched_ms=20_000, captured=300, analysed=98, dropped=2)
    facts.frame_age_ms.update({"100": 90, "300": 8})
    with writing(engine) as session:
        add_passages(session, [passage, replace(passage, track=2, verdict=Verdict.UNREADABLE)])
        add_minutes(session, "entrance", {minute_of(since): facts})

    truth = {"entrance": {"mask": 2, "no_mask": 0, "incorrect": 0}}
    outcome = as_json(take_tally(engine, truth, since=since))

    assert outcome["truth"] == {"mask": 2, "no_mask": 0, "incorrect": 0}
    assert outcome["counted"] == {"mask": 1, "no_mask": 0, "incorrect": 0, "unreadable": 1}
    assert outcome["fps_analysed"] == pytest.approx(4.9)
    assert outcome["dropped"] == 2
    assert outcome["frame_age_ms"] == {"p50": 100.0, "p95": 300.0}
    (camera,) = outcome["cameras"]
    assert camera["name"] == "entrance"
    assert (camera["truth"], camera["counted"]) == (truth["entrance"], outcome["counted"])
    assert (camera["captured"], camera["analysed"], camera["dropped"]) == (300, 98, 2)


def test_a_run_leaves_no_folder_but_a_failed_one_keeps_its_log_until_the_next(
    tmp_path: Path,
) -> None:
    with fresh_folder(tmp_path, is_timed=True) as folder:
        (folder / "maskwatch.db").touch()
    assert list(tmp_path.iterdir()) == []

    with pytest.raises(MaskwatchError, match="no camera"):
        _fail_in(tmp_path)
    (failed,) = tmp_path.iterdir()

    with fresh_folder(tmp_path, is_timed=True):
        assert not failed.is_dir()


def _fail_in(home: Path) -> None:
    with fresh_folder(home, is_timed=True) as folder:
        (folder / "supervisor.lock").touch()
        raise MaskwatchError("no camera")


def test_a_plain_camera_command_finds_the_running_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("MASKWATCH_")]:
        monkeypatch.delenv(name)
    settings = Settings(data_dir=tmp_path / "data")
    assert beside_running_demo(settings) is settings

    with fresh_folder(demo_home(settings), is_timed=False) as folder:
        (folder / "maskwatch.db").touch()
        with (folder / "supervisor.lock").open("w") as lock:
            assert beside_running_demo(settings) is settings  # made, and not running
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert beside_running_demo(settings).data_dir == folder

            (settings.data_dir / "maskwatch.db").touch()
            assert beside_running_demo(settings) is settings  # has a database of its own
