from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from ingest.backoff import Backoff
from ingest.live_camera import LiveCamera
from ingest.reader import News
from maskwatch.config import IngestSettings
from maskwatch.contracts import Camera, CameraState, SourceReason
from tests.unit.ingest.fakes import INFO, FakeBus, FakeReader, frame, lost

CAMERA = Camera(name="door", url="rtsp://door/1", password="secret", revision=3)


class Rig:
    """A live camera on fakes and a fake clock; wall clock = monotonic clock + 1000 s."""

    def __init__(self) -> None:
        self.bus = FakeBus()
        self.reader = FakeReader()
        self.camera = LiveCamera(
            CAMERA,
            IngestSettings(max_width=320),
            bus=self.bus,
            make_reader=self._make,
            now_s=0.0,
            unix_s=1000.0,
            backoff=Backoff(1.0, 60.0, seed=1),
        )
        self.at(0.0)

    def _make(self) -> FakeReader:
        self.reader = FakeReader()
        return self.reader

    def at(self, now_s: float, *news: News) -> None:
        self.reader.news.extend(news)
        self.camera.step(now_s, 1000.0 + now_s)

    def picture(self, now_s: float, *, captured: int = 5, overtaken: int = 0) -> None:
        number = round(now_s * 25)
        shown = frame(number, time_s=now_s)
        self.at(now_s, News(frames=(shown,), captured=captured, overtaken=overtaken, info=INFO))

    def play(self, from_s: float, until_s: float) -> None:
        for number in range(round(from_s * 5), round(until_s * 5)):
            self.picture(number / 5)


def test_a_gap_of_a_file_is_not_watched_and_nothing_is_wrong() -> None:
    rig = Rig()
    rig.play(0.2, 1.2)
    reader = rig.reader
    for second in range(2, 40):
        rig.at(float(second), News(info=INFO, next_due_s=41.0))
        status = rig.bus.statuses[-1]
        assert (status.state, status.reason, status.reconnects) == (CameraState.LIVE, "", 0)
    assert status.message == "a gap in the recording: it goes on in 2 s"
    assert rig.reader is reader
    assert not reader.is_cancelled
    rig.play(41.0, 43.0)
    told = {(watch.state, watch.reason) for watch in rig.bus.watches if watch.tick > 5}
    assert told == {(CameraState.OFFLINE, "timeout"), (CameraState.LIVE, "")}
    # Who gives nothing after the gap either has failed.
    rig.at(42.8 + 11.0)
    assert rig.bus.statuses[-1].state is CameraState.OFFLINE


def test_pictures_are_numbered_and_stamped_on_arrival() -> None:
    rig = Rig()
    rig.play(0.2, 1.2)
    assert [header.sequence for header in rig.bus.offered] == [0, 1, 2, 3, 4]
    first = rig.bus.offered[0]
    assert first.captured_at_unix_s == pytest.approx(1000.2)
    assert (first.width, first.height, first.is_replay) == (320, 240, False)
    assert first.epoch.startswith("00000003-live-")


def test_each_second_brings_a_watch_without_gaps() -> None:
    rig = Rig()
    rig.play(0.2, 6.1)
    watches = rig.bus.watches
    assert [watch.tick for watch in watches] == list(range(len(watches)))
    for before, after in pairwise(watches):
        assert after.from_unix_s == before.until_unix_s
    live = [watch for watch in watches if watch.state is CameraState.LIVE]
    assert [watch.captured for watch in live[1:]] == [25] * (len(live) - 1)
    assert [watch.offered for watch in live[1:]] == [5] * (len(live) - 1)
    assert watches[0].state is CameraState.CONNECTING


def test_what_redis_pushed_out_is_told_in_the_watch() -> None:
    rig = Rig()
    rig.bus.dropped.extend([(), (0,), (1,)])
    rig.play(0.2, 2.4)
    assert [s for watch in rig.bus.watches for s in watch.dropped_sequences] == [0, 1]
    assert rig.bus.statuses[-1].dropped_total == 2


def test_a_picture_overtaken_before_it_was_offered_is_dropped_and_told() -> None:
    rig = Rig()
    rig.picture(0.2)
    rig.picture(1.0, overtaken=2)
    rig.play(1.2, 2.6)
    assert [header.sequence for header in rig.bus.offered[:3]] == [0, 3, 4]
    assert [s for watch in rig.bus.watches for s in watch.dropped_sequences] == [1, 2]


def test_all_pictures_of_a_burst_are_offered_in_their_order() -> None:
    rig = Rig()
    rig.picture(0.2)
    burst = tuple(frame(number, time_s=1.0) for number in (1, 2, 3))
    rig.at(1.0, News(frames=burst, captured=15, overtaken=1, info=INFO))
    rig.play(1.2, 2.6)
    assert [header.sequence for header in rig.bus.offered[:5]] == [0, 2, 3, 4, 5]
    assert [s for watch in rig.bus.watches for s in watch.dropped_sequences] == [1]


def test_a_dark_picture_is_counted_and_not_offered() -> None:
    rig = Rig()
    dark = replace(frame(0, time_s=0.2), picture=np.zeros((240, 320, 3), np.uint8))
    rig.at(0.2, News(frames=(dark,), captured=5, info=INFO))
    rig.play(0.4, 2.4)
    assert len(rig.bus.offered) == 10
    assert sum(watch.rejected.get("dark", 0) for watch in rig.bus.watches) == 1
    assert rig.bus.statuses[-1].rejected_total == {"dark": 1}


def test_an_outage_is_told_with_its_reason_each_second() -> None:
    rig = Rig()
    rig.play(0.2, 3.0)
    rig.at(3.0, News(error=lost(SourceReason.LOST)))
    for number in range(31, 39):
        if rig.reader.is_started:
            rig.reader.news.append(News(error=lost(SourceReason.REFUSED)))
        rig.at(number / 10)
    assert rig.bus.statuses[-1].state is CameraState.OFFLINE
    last = rig.bus.watches[-1]
    assert (last.state, last.until_unix_s) == (CameraState.LIVE, pytest.approx(1003.0))
    for number in range(40, 100, 10):
        rig.at(number / 10 + 0.05, News(error=lost(SourceReason.REFUSED)))
    offline = [watch for watch in rig.bus.watches if watch.state is CameraState.OFFLINE]
    assert offline[0].from_unix_s == pytest.approx(1003.0)
    assert {watch.reason for watch in offline} <= {"lost", "refused"}
    assert sum(watch.until_unix_s - watch.from_unix_s for watch in offline) > 5


def test_a_camera_comes_back_in_the_same_epoch() -> None:
    rig = Rig()
    rig.play(0.2, 2.0)
    rig.at(2.0, News(error=lost(SourceReason.LOST)))
    rig.at(4.5)
    rig.play(4.6, 6.0)
    assert len({header.epoch for header in rig.bus.offered}) == 1
    sequences = [header.sequence for header in rig.bus.offered]
    assert sequences == list(range(len(sequences)))
    assert rig.bus.statuses[-1].reconnects == 1
    assert rig.bus.statuses[-1].state is CameraState.LIVE


def test_time_without_redis_is_time_not_watched(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    rig.play(0.2, 3.0)
    told = len(rig.bus.watches)
    rig.bus.gone = True
    with caplog.at_level("INFO"):
        rig.play(3.0, 13.0)
        rig.bus.gone = False
        rig.play(13.0, 17.0)
    watches = rig.bus.watches
    assert [watch.tick for watch in watches] == list(range(len(watches)))
    longest_gap_s = max(
        after.from_unix_s - before.until_unix_s for before, after in pairwise(watches[told - 1 :])
    )
    assert longest_gap_s > 9
    warnings = [r for r in caplog.records if r.levelname == "WARNING" and "Redis" in r.message]
    assert len(warnings) == 1
    assert any("back" in record.message for record in caplog.records)
    sequences = [header.sequence for header in rig.bus.offered]
    lost_ones = [s for watch in watches for s in watch.dropped_sequences]
    assert sorted(sequences + lost_ones) == list(range(max(sequences) + 1))
    assert len(lost_ones) <= 1


def test_redis_gone_at_the_start_is_waited_for() -> None:
    rig = Rig()
    rig.bus.gone = True
    rig.play(0.2, 4.0)
    rig.bus.gone = False
    rig.play(4.0, 7.0)
    assert len(rig.bus.offered) >= 8
    assert rig.bus.watches[-1].state is CameraState.LIVE


def test_the_end_of_a_file_ends_the_epoch() -> None:
    rig = Rig()
    rig.play(0.2, 1.4)
    rig.at(1.5, News(has_ended=True))
    assert rig.camera.is_over
    assert rig.bus.watches[-1].is_last
    assert rig.bus.watches[-1].last_sequence == len(rig.bus.offered) - 1
    assert rig.bus.statuses[-1].state is CameraState.ENDED


def test_an_orderly_stop_tells_the_last_part_of_a_second() -> None:
    rig = Rig()
    rig.play(0.2, 2.3)
    rig.camera.finish(2.5, 1002.5)
    rig.camera.finish(2.6, 1002.6)
    assert [watch.is_last for watch in rig.bus.watches].count(True) == 1
    assert rig.bus.watches[-1].until_unix_s == pytest.approx(1002.5)
    assert sum(watch.offered for watch in rig.bus.watches) == len(rig.bus.offered)


def test_a_wall_clock_set_back_turns_no_stretch_round() -> None:
    rig = Rig()
    rig.play(0.2, 2.0)
    for number in range(10, 20):
        shown = frame(number, time_s=number / 5)
        rig.reader.news.append(News(frames=(shown,), captured=5, info=INFO))
        rig.camera.step(number / 5, 500.0 + number / 5)
    assert all(watch.until_unix_s >= watch.from_unix_s for watch in rig.bus.watches)


def test_a_picture_that_stands_still_makes_it_connect_again() -> None:
    rig = Rig()
    for number in range(1, 400):
        if rig.camera._connection.losses:
            break
        shown = frame(0, time_s=number / 5)
        rig.at(number / 5, News(frames=(shown,), captured=5, info=INFO))
    rig.at(number / 5 + 0.1)
    assert rig.bus.statuses[-1].reason == SourceReason.FROZEN
    assert sum(watch.rejected.get("frozen", 0) for watch in rig.bus.watches) > 250


def test_rates_are_those_of_the_last_seconds() -> None:
    rig = Rig()
    rig.play(0.2, 20.0)
    status = rig.bus.statuses[-1]
    assert status.captured_fps == pytest.approx(25, abs=1)
    assert status.offered_fps == pytest.approx(5, abs=0.3)
    assert (status.codec, status.width, status.height) == ("h264", 320, 240)


def test_nothing_that_is_told_holds_the_password() -> None:
    rig = Rig()
    rig.play(0.2, 2.0)
    rig.at(2.0, News(error=lost()))
    assert "secret" not in repr(rig.bus.statuses) + repr(rig.bus.watches)
