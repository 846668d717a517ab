from pathlib import Path

import pytest

from maskwatch.contracts import CameraState, SourceReason
from maskwatch.errors import StorageError
from tests.unit.ingest.fakes import lost
from tests.unit.ingest.replay_rig import PICTURES, Rig, unstamped, whole


def test_every_due_picture_is_offered_with_the_files_time(tmp_path: Path) -> None:
    headers, watches = whole(tmp_path)
    assert [header.sequence for header in headers] == list(range(26))
    assert headers[5].captured_at_unix_s == pytest.approx(5001.0)
    assert all(header.is_replay for header in headers)
    assert [watch.tick for watch in watches] == [0, 1, 2, 3, 4, 5]
    assert [watch.captured for watch in watches] == [25] * 5 + [5]
    assert [watch.is_last for watch in watches] == [False] * 5 + [True]
    assert watches[-1].until_unix_s == pytest.approx(5005.2)
    assert watches[-1].last_sequence == 25


def test_a_full_queue_is_waited_for_and_nothing_is_lost(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.bus.room = 3
    rig.steps(300)
    assert len(rig.bus.offered) == 3
    for _ in range(30):
        rig.bus.room = 1
        rig.steps(30)
    assert [header.sequence for header in rig.bus.offered] == list(range(26))
    assert rig.bus.watches == whole(tmp_path)[1]


def test_a_restarted_process_offers_only_what_is_not_counted(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.steps(100)
    rig.counted(9, 1)
    rig.bus.offered, before = [], rig.bus.offered
    rig.bus.watches, told = [], rig.bus.watches
    rig.camera = rig.make()
    rig.steps(400)
    headers, watches = whole(tmp_path)
    assert before[0].epoch == headers[0].epoch
    assert unstamped(rig.bus.offered) == headers[10:]
    assert rig.bus.watches == watches[2:]
    assert told == watches[: len(told)]


def test_a_redis_that_has_restarted_is_given_again_what_was_not_counted(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.steps(400)
    rig.counted(20, 3)
    rig.bus.run_id = "redis-2"
    rig.bus.offered.clear()
    rig.bus.watches.clear()
    rig.steps(400)
    assert [header.sequence for header in rig.bus.offered] == [21, 22, 23, 24, 25]
    assert [watch.tick for watch in rig.bus.watches] == [4, 5]
    assert not rig.camera.is_over


def test_it_is_over_only_when_the_recorder_has_counted_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.steps(400)
    assert not rig.camera.is_over
    assert rig.bus.statuses[-1].state is CameraState.LIVE
    rig.counted(25, 5, is_finished=True)
    rig.steps(20)
    assert rig.camera.is_over
    assert rig.bus.statuses[-1].state is CameraState.ENDED


def test_a_replay_that_is_counted_is_not_done_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.steps(400)
    rig.counted(25, 5, is_finished=True)
    rig.bus.offered.clear()
    rig.camera = rig.make()
    rig.steps(50)
    assert rig.camera.is_over
    assert rig.bus.offered == []


def test_another_file_under_the_same_name_is_a_new_replay(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.steps(400)
    rig.counted(25, 5, is_finished=True)
    rig.path.write_bytes(b"another film")
    first = rig.bus.offered[0].epoch
    rig.bus.offered.clear()
    rig.camera = rig.make()
    rig.steps(400)
    assert len(rig.bus.offered) == 26
    assert rig.bus.offered[0].epoch != first


def test_redis_gone_midway_loses_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.steps(60)
    rig.bus.gone = True
    rig.steps(30)
    rig.bus.gone = False
    rig.steps(400)
    headers, watches = whole(tmp_path)
    assert (unstamped(rig.bus.offered), rig.bus.watches) == (headers, watches)


def test_a_locked_database_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(tmp_path)
    rig.progress_error = StorageError("database 'x' is locked by another program")
    rig.steps(30)
    assert rig.bus.offered == []
    assert len([record for record in caplog.records if "locked" in record.message]) == 1
    assert all(source.is_closed for source in rig.sources)
    rig.progress_error = None
    rig.steps(400)
    assert len(rig.bus.offered) == 26


def test_damaged_pictures_are_rejected_alike_at_every_reading(tmp_path: Path) -> None:
    rig = Rig(tmp_path, bad=frozenset({0, 50, 51}))
    rig.steps(400)
    first = unstamped(rig.bus.offered), rig.bus.watches
    assert sum(watch.rejected.get("corrupt", 0) for watch in first[1]) == 2
    rig.bus.offered, rig.bus.watches = [], []
    rig.camera = rig.make()
    rig.steps(400)
    assert (unstamped(rig.bus.offered), rig.bus.watches) == first


def test_a_missing_file_is_told_and_tried_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.source_error = lost(SourceReason.NOT_FOUND)
    rig.steps(10)
    status = rig.bus.statuses[-1]
    assert (status.state, status.reason) == (CameraState.OFFLINE, SourceReason.NOT_FOUND)
    assert status.retry_in_s >= 0
    rig.source_error = None
    rig.steps(600)
    assert len(rig.bus.offered) == 26


def test_a_file_whose_disk_fails_midway_is_not_done_but_tried_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.readable, rig.reading_error = 60, lost(SourceReason.LOST)
    rig.steps(4000)
    assert not any(watch.is_last for watch in rig.bus.watches)
    status = rig.bus.statuses[-1]
    assert (status.state, status.reason) == (CameraState.OFFLINE, SourceReason.LOST)
    # Ever more rarely, though the first pictures can be read each time.
    assert rig.now_s / len(rig.sources) > 10
    rig.readable, rig.reading_error = PICTURES, None
    rig.steps(400)
    assert rig.bus.watches[-1].is_last
    assert {header.sequence for header in rig.bus.offered} == set(range(26))


def test_a_replay_that_was_cut_off_says_so_when_it_is_done(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.readable = 50
    rig.steps(400)
    rig.counted(9, 1, is_finished=True)
    rig.steps(20)
    assert rig.camera.is_over
    assert rig.bus.statuses[-1].message == "replay done; cut off at 2 of 5 s"


def test_a_removed_replay_ends_its_epoch(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.steps(60)
    rig.camera.abandon(9999.0)
    last = rig.bus.watches[-1]
    assert last.is_last
    assert last.last_sequence == len(rig.bus.offered) - 1
    assert 0 < last.media_until_s - rig.bus.offered[-1].media_time_s < 0.3
    assert last.recording_end == ""
