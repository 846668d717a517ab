import threading
import time

import pytest

from ingest.paced_file import PacedFile
from ingest.source import EndOfStream
from tests.unit.ingest.fakes import FakeSource


def paced(pictures: int, *, loops: bool, stop: threading.Event | None = None) -> PacedFile:
    return PacedFile(
        FakeSource(pictures),
        lambda: FakeSource(pictures),
        loops=loops,
        stop=stop or threading.Event(),
    )


def test_pictures_come_no_earlier_than_they_are_due() -> None:
    file = paced(10, loops=False)
    began_s = time.monotonic()
    frames = [file.read() for _ in range(10)]
    for frame in frames:
        assert frame.arrived_at_s - began_s >= frame.media_time_s
    with pytest.raises(EndOfStream):
        file.read()


def test_a_loop_goes_on_with_rising_times() -> None:
    file = paced(3, loops=True)
    times = [round(file.read().media_time_s, 3) for _ in range(8)]
    assert times == [0.0, 0.04, 0.08, 0.12, 0.16, 0.2, 0.24, 0.28]
    assert file.info.duration_s is None


def test_a_stop_ends_the_wait_for_the_next_picture() -> None:
    stop = threading.Event()
    file = paced(10, loops=True, stop=stop)
    file.read()
    stop.set()
    with pytest.raises(EndOfStream):
        file.read()
