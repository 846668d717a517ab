from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from ingest.replay_file import ReplayFile
from ingest.replay_reading import Picture, ReplayReading
from ingest.source import Source
from ingest.sources import open_source
from maskwatch.config import IngestSettings
from maskwatch.contracts import Camera, CameraState, SourceReason, Watch
from maskwatch.replay_epoch import ReplayEpoch
from tests.support.pictures import write_video
from tests.unit.ingest.fakes import FakeSource

SETTINGS = IngestSettings()


def read(source: Source, *, from_ms: int = 0) -> tuple[list[Picture], list[Watch]]:
    """Everything that one reading of the source gives."""
    reading = ReplayReading(
        Camera(name="door", url="film", fps=5.0, is_replay=True),
        SETTINGS,
        source=source,
        file=ReplayFile("beginning", "content", 5000.0),
        epoch=ReplayEpoch(
            revision=1, recording="beginning", start_unix_s=5000, fps="5", from_ms=from_ms
        ),
    )
    while not reading.has_ended:
        reading.read_on()
    reading.close()
    pictures = [item for item in reading.outbox if isinstance(item, Picture)]
    return pictures, [item for item in reading.outbox if isinstance(item, Watch)]


def read_file(path: Path) -> tuple[list[Picture], list[Watch]]:
    return read(open_source(Camera(name="door", url=str(path), is_replay=True), SETTINGS))


def seconds_by_state(watches: list[Watch]) -> dict[tuple[str, str], float]:
    total: defaultdict[tuple[str, str], float] = defaultdict(float)
    for watch in watches:
        total[watch.state.value, watch.reason] += watch.until_unix_s - watch.from_unix_s
    return {key: round(seconds, 2) for key, seconds in total.items()}


@pytest.mark.parametrize("name", ["motion.mp4", "motion.mkv"])
def test_a_gap_in_a_recording_is_not_watched(tmp_path: Path, name: str) -> None:
    # Of this file the MP4 states a rate of 0.08 pictures a second, the gaps counted in.
    film = write_video(tmp_path / name, seconds=6.0, width=160, height=120, gaps={3.4: 1800.4})
    pictures, watches = read_file(film)
    assert len(pictures) == pytest.approx(30, abs=3)
    assert seconds_by_state(watches) == {("live", ""): 6.0, ("offline", "timeout"): 1800.4}
    assert [watch.tick for watch in watches] == list(range(len(watches)))
    assert all(before.until_unix_s == after.from_unix_s for before, after in pairwise(watches))
    assert all(watch.captured == 0 for watch in watches if watch.state is CameraState.OFFLINE)
    assert sum(watch.captured for watch in watches) == 150
    assert {watch.reason for watch in watches} == {"", SourceReason.TIMEOUT.value}


def test_a_short_pause_is_watched_as_it_is_of_a_live_camera() -> None:
    times = [number / 25 for number in range(50)]
    _, watches = read(FakeSource(100, times=[*times, *(3.5 + time_s for time_s in times)]))
    assert seconds_by_state(watches) == {("live", ""): 5.5}


def test_a_recording_of_a_picture_every_ten_seconds_has_no_gaps() -> None:
    _, watches = read(FakeSource(30, times=[number * 10.0 for number in range(30)], fps=0.1))
    assert seconds_by_state(watches) == {("live", ""): 300.0}


def test_two_readings_of_a_recording_with_gaps_are_alike(tmp_path: Path) -> None:
    film = write_video(
        tmp_path / "a.mkv", seconds=3.0, width=160, height=120, gaps={1.0: 20.0, 2.2: 7.76}
    )
    assert read_file(film) == read_file(film)


@pytest.mark.parametrize("name", ["a.mkv", "a.flv"])
def test_a_file_that_is_cut_off_is_read_as_far_as_it_goes_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    film = write_video(tmp_path / name, seconds=6.0)
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    _, watches = read_file(film)
    assert 50 < sum(watch.captured for watch in watches) < 100
    assert "camera 'door'" in caplog.text
    assert "cut off at 3 of 6 s" in caplog.text


def test_an_epoch_that_begins_midway_is_the_same_pictures_without_those_before(
    tmp_path: Path,
) -> None:
    film = write_video(
        tmp_path / "a.mkv", seconds=3.0, width=160, height=120, gaps={1.0: 20.0, 2.2: 7.76}
    )
    camera = Camera(name="door", url=str(film), is_replay=True)
    pictures, watches = read_file(film)
    for watch in watches[:-1]:
        later, told = read(open_source(camera, SETTINGS), from_ms=int(watch.media_until_s * 1000))
        wanted = [
            each.header.media_time_s
            for each in pictures
            if each.header.media_time_s > watch.media_until_s - 0.001
        ]
        assert [each.header.media_time_s for each in later] == wanted
        assert [each.header.sequence for each in later] == list(range(len(wanted)))
        rest = watches[watch.tick + 1 :]
        assert [each.tick for each in told] == list(range(len(told)))
        assert sum(each.captured for each in told) == sum(each.captured for each in rest)
        assert seconds_by_state(told) == pytest.approx(seconds_by_state(rest), abs=0.002)


def test_a_whole_file_is_not_called_cut_off(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    read_file(write_video(tmp_path / "a.mkv", seconds=3.0, gaps={1.0: 2 * 3600.0}))
    assert caplog.text == ""


def test_a_pause_of_hours_within_the_stated_length_stays_a_pause(tmp_path: Path) -> None:
    film = write_video(tmp_path / "a.mkv", seconds=2.0, gaps={1.0: 2 * 3600.0})
    assert seconds_by_state(read_file(film)[1])["offline", "timeout"] == 7200.0


def test_each_picture_names_the_tick_that_covers_it(tmp_path: Path) -> None:
    film = write_video(
        tmp_path / "a.mkv", seconds=3.0, width=160, height=120, gaps={1.0: 20.0, 2.2: 7.76}
    )
    pictures, watches = read_file(film)
    assert len(pictures) > 10
    for picture in pictures:
        watch = watches[picture.header.tick]
        before = watches[watch.tick - 1].last_sequence if watch.tick else -1
        assert before < picture.header.sequence <= watch.last_sequence
