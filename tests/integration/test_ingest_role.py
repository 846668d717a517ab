"""The role "ingest" as it runs: processes, Redis, database and video are real."""

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from maskwatch.bus import EmbeddedRedis
from maskwatch.config import Settings
from maskwatch.contracts import Camera, CameraState, SourceReason
from tests.support.ingest_site import IngestSite
from tests.support.pictures import to_annex_b, write_video
from tests.support.rtsp_server import rtsp_server
from tests.support.waiting import wait_for


@pytest.fixture
def site(redis_settings: Settings) -> Iterator[IngestSite]:
    """A site on the session's Redis."""
    site = IngestSite(redis_settings)
    yield site
    site.client.close()
    site.engine.dispose()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of video."""
    return write_video(tmp_path_factory.mktemp("film") / "a.mp4", seconds=3.0)


def test_cameras_are_followed_while_it_runs(site: IngestSite, film: Path) -> None:
    site.store.add(Camera(name="door", url=str(film), loops=True))
    site.store.add(Camera(name="gate", url=str(film), loops=True, enabled=False))
    with site.running():
        first = site.take_until("door", 3)
        site.wait_for_state("gate", CameraState.DISABLED)
        assert len(site.processes()) == 1

        site.store.update("gate", enabled=True)
        site.take_until("gate", 2)
        assert site.board.active_cameras() == ["door", "gate"]

        site.store.update("door", fps=10.0)
        wait_for(
            lambda: any(header.epoch != first[0].epoch for header in site.take("door")),
            what="the door's new epoch",
        )
        site.store.remove("gate")
        wait_for(lambda: len(site.processes()) == 1, what="the gate's process to end")
    assert site.watches("gate")[-1].is_last
    assert [watch.tick for watch in site.watches("gate")] == list(range(len(site.watches("gate"))))


def test_one_camera_that_fails_harms_no_other(site: IngestSite, film: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    site.store.add(Camera(name="bad", url=str(tmp_path / "empty.mp4")))
    site.store.add(Camera(name="good", url=str(film), loops=True))
    with site.running():
        site.wait_for_state("bad", CameraState.OFFLINE)
        site.take_until("good", 5)
        status = site.status("bad")
        assert status is not None
        assert status.reason == SourceReason.INVALID_DATA
        wait_for(lambda: site.status("bad").reconnects > 2, what="more tries")  # type: ignore[union-attr]


def test_a_killed_process_is_replaced(site: IngestSite, film: Path) -> None:
    site.store.add(Camera(name="door", url=str(film), loops=True))
    with site.running():
        first = site.take_until("door", 2)
        (process,) = site.processes()
        process.kill()
        wait_for(
            lambda: any(header.epoch != first[0].epoch for header in site.take("door")),
            what="pictures of a new process",
        )
        assert process.pid not in [child.pid for child in site.processes()]


def test_cameras_end_when_ingest_is_killed(site: IngestSite, film: Path) -> None:
    site.store.add(Camera(name="door", url=str(film), loops=True))
    program = (
        "import json, sys, threading\n"
        "from ingest import main\n"
        "from maskwatch.config import Settings\n"
        "main.run(Settings(**json.loads(sys.stdin.readline())), threading.Event())\n"
    )
    settings = {
        "data_dir": str(site.settings.data_dir),
        "redis": {"url": site.settings.redis.url.get_secret_value()},
    }
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdin is not None
        parent.stdin.write(json.dumps(settings) + "\n")
        parent.stdin.flush()
        site.take_until("door", 2)
        (process,) = site.processes()
        parent.kill()
    wait_for(lambda: not process.is_running() or process.status() == "zombie", what="its end")


def test_a_film_that_is_played_once_ends(site: IngestSite, tmp_path: Path) -> None:
    film = write_video(tmp_path / "short.mp4", seconds=0.6)
    site.store.add(Camera(name="door", url=str(film)))
    with site.running():
        site.wait_for_state("door", CameraState.ENDED)
        wait_for(lambda: not site.processes(), what="the process to end")
        updated = site.status("door")
        wait_for(lambda: site.status("door") != updated, what="the status to stay fresh")
        assert site.is_in("door", CameraState.ENDED)
    watches = site.watches("door")
    assert watches[-1].is_last
    assert sum(watch.captured for watch in watches) == 15
    assert watches[-1].last_sequence == sum(watch.offered for watch in watches) - 1


def test_redis_may_come_late_and_go_midway(
    tmp_path: Path, film: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = IngestSite(Settings(data_dir=tmp_path))
    server = EmbeddedRedis(site.settings)
    site.store.add(Camera(name="door", url=str(film), loops=True))
    with site.running():
        wait_for(lambda: "cannot be reached" in caplog.text, what="word of the missing Redis")
        server.start()
        try:
            before = site.take_until("door", 3)
            server.stop()
            server.start()
            after = site.take_until("door", 3)
        finally:
            server.stop()
    assert {header.epoch for header in before} == {header.epoch for header in after}
    assert min(header.sequence for header in after) > max(header.sequence for header in before)
    site.client.close()
    site.engine.dispose()


def test_a_stream_that_goes_for_a_while_comes_back_by_itself(site: IngestSite, film: Path) -> None:
    stream = to_annex_b(film, film.with_suffix(".h264"))
    with rtsp_server(video=stream) as server:
        site.store.add(Camera(name="door", url=server.url))
        with site.running():
            before = site.take_until("door", 5)
            server.stop()
            site.wait_for_state("door", CameraState.OFFLINE)
            wait_for(lambda: site.status("door").reason == "refused", what="the reason")  # type: ignore[union-attr]
            server.start()
            after = site.take_until("door", 5)
    assert {header.epoch for header in before + after} == {before[0].epoch}
    watches = site.watches("door")
    states = [watch.state for watch in watches]
    outage = [watch for watch in watches if watch.state is CameraState.OFFLINE]
    assert states.index(CameraState.LIVE) < states.index(CameraState.OFFLINE)
    assert states[-1] is CameraState.LIVE
    for earlier, later in pairwise(watches):
        assert later.from_unix_s == earlier.until_unix_s
    assert all(watch.captured == 0 for watch in outage[1:])
