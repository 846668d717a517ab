"""A recording counts once under one camera's name, whatever is changed of the camera."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.ingest.replay_rig import PICTURES, Rig, unstamped, whole


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
