"""A replay as it runs: nothing is lost and nothing is done twice, whatever is killed."""

from pathlib import Path

import pytest

from maskwatch.bus import EmbeddedRedis
from maskwatch.config import Settings
from maskwatch.contracts import Camera, CameraState, FrameHeader
from maskwatch.replay_epoch import recording_of
from maskwatch.storage import writing
from maskwatch.storage.recorder_state import (
    RecorderPosition,
    StoredState,
    load_state,
    save_state,
)
from maskwatch.storage.recordings import CountedRecording, save_recordings
from tests.support.ingest_site import IngestSite
from tests.support.pictures import write_video
from tests.support.waiting import wait_for


def _count_up_to(
    site: IngestSite, epoch: str, sequence: int, tick: int, *, ended: str = ""
) -> None:
    """Write what a recorder writes when it has counted so far."""
    stored = load_state(site.engine, "door")
    position = RecorderPosition(
        epoch=epoch,
        last_sequence=sequence,
        last_tick=tick,
        results_stream_id="0-0",
        redis_server_id="",
        is_finished=bool(ended),
    )
    version = stored.version if stored else 0
    counted = CountedRecording(recording=recording_of(epoch), until_s=tick + 1.0, ended=ended)
    with writing(site.engine) as session:
        save_state(session, "door", StoredState(position=position, state={}, version=version))
        save_recordings(session, "door", [counted])


def _take_through(site: IngestSite, first: int, last: int) -> list[FrameHeader]:
    """Take pictures until all of these numbers have come; some come twice."""
    headers: list[FrameHeader] = []

    def is_complete() -> bool:
        headers.extend(site.take("door"))
        return {header.sequence for header in headers} >= set(range(first, last + 1))

    wait_for(is_complete, what=f"pictures {first} to {last}")
    return headers


def test_a_replay_loses_nothing_though_its_process_and_redis_are_killed(tmp_path: Path) -> None:
    film = write_video(tmp_path / "day.mp4", seconds=12.0)
    settings = Settings(data_dir=tmp_path)
    server = EmbeddedRedis(settings)
    server.start()
    site = IngestSite(settings)
    site.store.add(Camera(name="door", url=str(film), is_replay=True, replay_start_unix_s=5000.0))
    try:
        with site.running():
            headers = site.take_until("door", 10)
            epoch = headers[0].epoch
            assert [header.sequence for header in headers] == list(range(len(headers)))
            _count_up_to(site, epoch, 9, 1)
            site.processes()[0].kill()

            wait_for(lambda: len(site.processes()) == 1, what="a new process")
            # What the first process had put on the queue comes first, and then once more.
            _take_through(site, 10, 19)
            _count_up_to(site, epoch, 19, 3)
            server.stop()
            server.start()
            rest = _take_through(site, 20, 59)
            assert {header.epoch for header in rest} == {epoch}
            assert max(header.sequence for header in rest) == 59
            newest = max(rest, key=lambda header: header.sequence)
            assert newest.captured_at_unix_s == pytest.approx(5011.8)

            def has_all_ticks() -> bool:
                return {watch.tick for watch in site.watches("door")} >= set(range(4, 12))

            wait_for(has_all_ticks, what="the ticks that are not counted")
            assert not site.is_in("door", CameraState.ENDED)
            last = max(site.watches("door"), key=lambda watch: watch.tick)
            _count_up_to(site, epoch, 59, 11, ended=last.recording_end)
            site.wait_for_state("door", CameraState.ENDED)
        while site.take("door"):
            pass
        site.store.update("door", fps=10.0, password="new")
        with site.running():
            site.wait_for_state("door", CameraState.ENDED)
            wait_for(lambda: not site.processes(), what="the finished replay's process to end")
            assert site.take("door") == []
    finally:
        server.stop()
    site.client.close()
    site.engine.dispose()
