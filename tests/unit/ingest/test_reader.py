import math
import threading
import time
import traceback

import av
import pytest

from ingest.paced_file import PacedFile
from ingest.reader import LiveReader, News
from ingest.source import CapturedFrame, Source, SourceInfo
from maskwatch.contracts import SourceReason
from maskwatch.errors import SourceError
from tests.support.waiting import wait_for
from tests.unit.ingest.fakes import FakeSource, frame, lost


def finished(reader: LiveReader) -> News:
    reader.start()
    wait_for(lambda: not reader.is_alive(), what="the end of the reader")
    return reader.take()


def test_everything_is_drained_and_only_the_newest_due_pictures_are_kept() -> None:
    source = FakeSource(100)
    news = finished(LiveReader(lambda _: source, fps=5.0, slots=3))
    assert news.captured == 100
    assert [frame.media_time_s for frame in news.frames] == [3.4, 3.6, 3.8]
    assert news.overtaken == 17
    assert news.has_ended
    assert news.error is None
    assert news.info is not None
    assert source.is_closed


@pytest.mark.parametrize("burst_s", [0.04, 0.5, 1.0, 2.0])
def test_of_a_burst_as_many_pictures_are_due_as_of_a_steady_stream(burst_s: float) -> None:
    times = [number / 25 for number in range(1500)]
    arrivals = [math.ceil(time_s / burst_s) * burst_s for time_s in times]
    source = FakeSource(1500, times=times, arrivals=arrivals)
    news = finished(LiveReader(lambda _: source, fps=5.0, slots=3))
    assert news.overtaken + len(news.frames) == pytest.approx(300, abs=1)


def test_a_camera_whose_times_run_at_another_speed_is_thinned_by_arrival() -> None:
    # It sends 10 a second and stamps them as if it were 25.
    arrivals = [number / 10 for number in range(1200)]
    source = FakeSource(1200, arrivals=arrivals)
    news = finished(LiveReader(lambda _: source, fps=5.0, slots=3))
    assert news.overtaken + len(news.frames) == pytest.approx(600, rel=0.06)


def test_a_file_that_waits_for_its_next_picture_says_until_when() -> None:
    def open_file(stop: threading.Event) -> Source:
        source = FakeSource(2, times=[0.0, 60.0])
        return PacedFile(source, lambda: source, loops=False, stop=stop)

    began_s = time.monotonic()
    reader = LiveReader(open_file, fps=5.0, slots=3)
    reader.start()
    due: list[float] = []

    def is_waiting() -> bool:
        due.extend(filter(None, [reader.take().next_due_s]))
        return bool(due) and due[-1] > began_s + 50

    wait_for(is_waiting, what="the wait for the second picture")
    assert due[-1] == pytest.approx(began_s + 60.0, abs=2.0)
    reader.cancel()


def test_the_slots_are_empty_after_a_look() -> None:
    reader = LiveReader(lambda _: FakeSource(10), fps=25.0, slots=3)
    finished(reader)
    news = reader.take()
    assert (news.frames, news.captured, news.has_ended) == ((), 0, True)


def test_a_loss_is_told_with_its_reason() -> None:
    source = FakeSource(3, error=lost(SourceReason.LOST))
    news = finished(LiveReader(lambda _: source, fps=5.0, slots=3))
    assert news.error is not None
    assert news.error.reason == SourceReason.LOST
    assert not news.has_ended
    assert source.is_closed


def test_a_source_that_cannot_be_opened_is_told() -> None:
    def refuse(_: threading.Event) -> Source:
        raise lost(SourceReason.UNAUTHORIZED)

    news = finished(LiveReader(refuse, fps=5.0, slots=3))
    assert news.error is not None
    assert news.error.reason == SourceReason.UNAUTHORIZED


def test_an_unforeseen_failure_is_told_and_not_swallowed() -> None:
    def fail(_: threading.Event) -> Source:
        raise ZeroDivisionError

    news = finished(LiveReader(fail, fps=5.0, slots=3))
    assert isinstance(news.error, SourceError)
    assert isinstance(news.error.__cause__, ZeroDivisionError)


def test_an_unforeseen_failure_of_ffmpeg_is_told_without_its_address() -> None:
    address = "rtsp://u:s3cr3t@door/1"

    def fail(_: threading.Event) -> Source:
        raise av.error.OSError(5, "Input/output error", address)

    news = finished(LiveReader(fail, fps=5.0, slots=3))
    assert news.error is not None
    assert isinstance(news.error.__cause__, av.error.OSError)
    told = "".join(traceback.format_exception(news.error))
    assert "Input/output error" in told
    assert "s3cr3t" not in told


class EndlessSource:
    """A camera that never ends."""

    def __init__(self) -> None:
        self.info = SourceInfo(320, 240, "h264", 25.0)
        self.is_closed = False
        self.count = 0

    def read(self) -> CapturedFrame:
        self.count += 1
        threading.Event().wait(0.001)
        return frame(0, time_s=self.count / 25)

    def close(self) -> None:
        self.is_closed = True


def test_a_cancelled_reader_closes_its_source() -> None:
    source = EndlessSource()
    reader = LiveReader(lambda _: source, fps=5.0, slots=3)
    reader.start()
    reader.wait(5.0)
    reader.cancel()
    wait_for(lambda: not reader.is_alive(), what="the end of the reader")
    assert source.is_closed
