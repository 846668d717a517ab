from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest.replay_camera import ReplayCamera
from maskwatch.config import IngestSettings
from maskwatch.contracts import Camera, CameraState, FrameHeader, SourceReason, Watch
from maskwatch.errors import SourceError, StorageError
from maskwatch.replay_epoch import recording_of
from maskwatch.storage.recorder_state import RecorderPosition
from maskwatch.storage.recordings import CountedRecording, ReplayProgress
from tests.unit.ingest.fakes import FakeBus, FakeSource, lost

PICTURES = 130
"""5.2 s at 25 a second."""


class Rig:
    """A replay on fakes; the test plays the recorder with `counted`."""

    def __init__(self, tmp_path: Path, *, bad: frozenset[int] = frozenset()) -> None:
        self.path = tmp_path / "film.mp4"
        self.path.write_bytes(b"film")
        self.bus = FakeBus()
        self.position: RecorderPosition | None = None
        self.progress_error: StorageError | None = None
        self.recordings: dict[str, CountedRecording] = {}
        self.bad = bad
        self.sources: list[FakeSource] = []
        self.source_error: SourceError | None = None
        self.reading_error: SourceError | None = None
        self.readable = PICTURES
        self.now_s = 0.0
        self.camera = self.make()

    def make(self, **changes: Any) -> ReplayCamera:
        camera = Camera(
            name="door",
            url=str(self.path),
            fps=5.0,
            is_replay=True,
            revision=2,
            replay_start_unix_s=5000.0,
        )
        camera = replace(camera, **changes)
        return ReplayCamera(
            camera,
            IngestSettings(),
            bus=self.bus,
            open_source=self._open,
            progress=self._progress,
        )

    def _open(self) -> FakeSource:
        if self.source_error is not None:
            raise self.source_error
        times = [number / 25 for number in range(PICTURES)]
        source = FakeSource(self.readable, times=times, bad=self.bad, error=self.reading_error)
        self.sources.append(source)
        return self.sources[-1]

    def _progress(self, recording: str) -> ReplayProgress:
        if self.progress_error is not None:
            raise self.progress_error
        counted = self.recordings.get(recording, CountedRecording(recording=recording))
        return ReplayProgress(position=self.position, counted=counted)

    def steps(self, count: int) -> None:
        for _ in range(count):
            if not self.camera.is_over:
                self.now_s += max(self.camera.step(self.now_s, 9000.0 + self.now_s), 0.001)

    def counted(self, sequence: int, tick: int, *, is_finished: bool = False) -> None:
        """The recorder has counted up to there of the epoch that was sent last."""
        epoch = self.bus.watches[-1].epoch
        watch = next(each for each in self.bus.watches if (each.epoch, each.tick) == (epoch, tick))
        recording = recording_of(epoch)
        self.recordings[recording] = CountedRecording(
            recording=recording, until_s=watch.media_until_s, ended=watch.recording_end
        )
        self.position = RecorderPosition(
            epoch=epoch,
            last_sequence=sequence,
            last_tick=tick,
            results_stream_id="1-0",
            redis_server_id=self.bus.run_id,
            is_finished=is_finished,
        )


def whole(tmp_path: Path) -> tuple[list[FrameHeader], list[Watch]]:
    rig = Rig(tmp_path)
    rig.steps(400)
    return unstamped(rig.bus.offered), rig.bus.watches


def unstamped(headers: list[FrameHeader]) -> list[FrameHeader]:
    """The headers without the moment of sending, the one thing that may differ."""
    assert all(header.offered_at_unix_s >= 9000.0 for header in headers)
    return [replace(header, offered_at_unix_s=0.0) for header in headers]


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


def test_switched_off_and_on_it_goes_on_where_it_was(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.steps(60)
    rig.counted(4, 0)
    rig.bus.offered.clear()
    rig.bus.watches.clear()
    rig.camera = rig.make(revision=4, password="new")
    rig.steps(400)
    headers, watches = whole(tmp_path)
    assert unstamped(rig.bus.offered) == headers[5:]
    assert rig.bus.watches == watches[1:]


def test_at_another_rate_it_goes_on_behind_what_is_counted(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.steps(90)
    rig.counted(10, 1)
    before = rig.bus.watches[0].epoch
    rig.bus.offered.clear()
    rig.bus.watches.clear()
    rig.camera = rig.make(revision=3, fps=25.0)
    rig.steps(400)
    assert {watch.epoch for watch in rig.bus.watches} != {before}
    assert rig.bus.offered[0].media_time_s == 2.0
    assert [header.sequence for header in rig.bus.offered] == list(range(PICTURES - 50))
    assert rig.bus.watches[0].from_unix_s == 5002.0
    assert sum(watch.captured for watch in rig.bus.watches) == PICTURES - 50


@pytest.mark.parametrize("change", [{"fps": 10.0}, {"enabled": True}, {"url": "moved.mp4"}])
def test_a_recording_that_is_counted_is_not_counted_again(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    rig = Rig(tmp_path)
    rig.steps(400)
    rig.counted(25, 5, is_finished=True)
    rig.bus.offered.clear()
    if "url" in change:
        change = {"url": str(rig.path.rename(tmp_path / change["url"]))}
    rig.camera = rig.make(revision=3, **change)
    rig.steps(50)
    assert rig.camera.is_over
    assert rig.bus.offered == []


def test_a_recording_that_was_left_for_another_is_read_on(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.steps(90)
    rig.camera.abandon(9999.0)
    tick = rig.bus.watches[-1].tick
    rig.counted(99, tick, is_finished=True)
    shown = {header.media_time_s for header in rig.bus.offered}
    film = rig.path.read_bytes()
    rig.path.write_bytes(b"another film")
    rig.camera = rig.make(revision=3)
    rig.steps(400)
    rig.counted(25, 5, is_finished=True)
    rig.bus.offered.clear()
    rig.path.write_bytes(film)
    rig.camera = rig.make(revision=4)
    rig.steps(400)
    rest = [header.media_time_s for header in rig.bus.offered]
    assert sorted([*shown, *rest]) == [number / 5 for number in range(26)]


def test_a_file_that_was_cut_off_and_is_copied_again_is_read_on(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    beginning = bytes(2 << 20)
    rig.path.write_bytes(beginning)
    rig.readable = 50
    rig.steps(400)
    rig.counted(9, 1, is_finished=True)
    rig.bus.offered.clear()
    rig.path.write_bytes(beginning + b"the rest")
    rig.readable = PICTURES
    rig.camera = rig.make()
    rig.steps(400)
    assert [header.media_time_s for header in rig.bus.offered] == [
        number / 5 for number in range(10, 26)
    ]


def test_what_the_process_before_had_broken_off_is_not_waited_for(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.steps(60)
    rig.counted(4, 0)
    rig.camera.abandon(9999.0)
    last = rig.bus.watches[-1]
    # The next process begins before the recorder has read the last word of this one.
    rig.camera = rig.make(revision=3)
    rig.steps(20)
    assert rig.bus.watches[-1].epoch == last.epoch
    rig.bus.watches.append(last)
    rig.counted(last.last_sequence, last.tick, is_finished=True)
    rig.bus.offered.clear()
    rig.steps(400)
    rest = [header for header in rig.bus.offered if header.epoch != last.epoch]
    assert rest[0].media_time_s == 2.0
    assert rig.bus.watches[-1].recording_end
