"""kill -9 of every process in turn during a replay leaves the counts of an undisturbed run."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Engine

from maskwatch.config import SeedCamera, Settings, WebSettings
from maskwatch.simulator.film import Film, repeat_film
from maskwatch.storage import last_position, open_database
from maskwatch.storage.facts import Passage
from maskwatch.storage.questions import passages, total_facts
from maskwatch.supervisor import Supervisor
from maskwatch.supervisor.readiness import page_answers
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timeout(400)

CAMERA = "replay"
SHOWINGS = 10
FPS = 5
FRAMES_BETWEEN_KILLS = 40
START = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Outcome:
    """All that reports are made of."""

    passages: list[tuple[object, ...]]
    captured: int
    analysed: int
    dropped: int
    failed: int
    watched_ms: int


@contextmanager
def _replay(film: Path, data_dir: Path) -> Iterator[tuple[Supervisor, Engine]]:
    """The whole system replaying a film; nothing of it is left when the test is over."""
    camera = SeedCamera(name=CAMERA, url=str(film), is_replay=True, fps=FPS)
    settings = Settings(data_dir=data_dir, web=WebSettings(port=0), cameras=(camera,))
    with Supervisor(settings) as supervisor:
        engine = open_database(supervisor.settings)
        try:
            yield supervisor, engine
        except BaseException:
            print((data_dir / "logs" / "maskwatch.log").read_text()[-20_000:])  # noqa: T201
            raise
        finally:
            engine.dispose()


def _done(engine: Engine) -> int:
    """Highest sequence that is counted."""
    position = last_position(engine, CAMERA)
    return -1 if position is None else position.last_sequence


def _is_finished(engine: Engine) -> bool:
    position = last_position(engine, CAMERA)
    return position is not None and position.is_finished


def _outcome(engine: Engine) -> Outcome:
    facts = total_facts(engine, CAMERA, START, END)
    return Outcome(
        passages=[_essence(passage) for passage in passages(engine, CAMERA, START, END)],
        captured=facts.captured,
        analysed=facts.analysed,
        dropped=facts.dropped,
        failed=facts.failed,
        watched_ms=facts.watched_ms,
    )


def _essence(passage: Passage) -> tuple[object, ...]:
    # Probabilities differ in their last digits with the pictures that share a batch.
    rounded = {name: round(value, 2) for name, value in passage.probabilities.items()}
    return (
        passage.track, passage.started_at, passage.ended_at, passage.verdict, passage.looks,
        passage.readable_looks, rounded,
    )  # fmt: skip


@pytest.fixture(scope="module")
def long_film(small_film: Film, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "long.mp4"
    repeat_film(small_film.path, path, times=SHOWINGS)
    return path


@pytest.fixture(scope="module")
def undisturbed(long_film: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    with _replay(long_film, tmp_path_factory.mktemp("undisturbed")) as (_, engine):
        wait_for(lambda: _is_finished(engine), what="the replay's end", timeout_s=150)
        return _outcome(engine)


def test_an_undisturbed_replay_analyses_every_picture_and_finds_people_in_every_showing(
    undisturbed: Outcome, small_film: Film
) -> None:
    truth = small_film.truth
    assert undisturbed.captured == round(truth.duration_s * truth.fps) * SHOWINGS
    assert undisturbed.analysed == round(truth.duration_s * FPS) * SHOWINGS
    assert undisturbed.dropped == undisturbed.failed == 0
    assert len(undisturbed.passages) >= SHOWINGS


def _camera_process(supervisor: Supervisor) -> int | None:
    """The process that reads the film: a child of the ingest process."""
    parent = supervisor.pids().get("ingest")
    try:
        children = psutil.Process(parent).children() if parent else []
    except psutil.NoSuchProcess:
        return None
    return children[0].pid if children else None


def _pid(supervisor: Supervisor, name: str) -> int | None:
    return _camera_process(supervisor) if name == "camera" else supervisor.pids().get(name)


def _kill(pid: int | None) -> None:
    assert pid, "0 would be this process's own group"
    os.kill(pid, signal.SIGKILL)


def test_killing_each_process_in_turn_changes_no_count(
    long_film: Path, undisturbed: Outcome, tmp_path: Path
) -> None:
    # While the recorder starts again the workers go on through the film; so it is last, and the
    # film cannot end before the others have had their turn.
    victims = ["camera", "work-1", "web", "jobs", "ingest", "redis", "record"]
    with _replay(long_film, tmp_path / "data") as (supervisor, engine):
        for victim in victims:
            # Progress after the last kill: the system has come back by itself.
            wanted = _done(engine) + FRAMES_BETWEEN_KILLS
            wait_for(
                lambda wanted=wanted: _done(engine) >= wanted,
                what=f"sequence {wanted}, before killing {victim}",
                timeout_s=60,
            )
            wait_for(lambda victim=victim: _pid(supervisor, victim), what=victim)
            assert not _is_finished(engine), f"the film is too short to kill {victim}"
            _kill(_pid(supervisor, victim))
        wait_for(lambda: _is_finished(engine), what="the replay's end", timeout_s=150)
        assert _outcome(engine) == undisturbed
        restarts = supervisor.restarts()
        for role in ("work-1", "record", "redis", "web", "jobs", "ingest"):
            assert restarts[role] >= 1, role
        wait_for(lambda: page_answers(supervisor.settings), what="the page", timeout_s=60)
