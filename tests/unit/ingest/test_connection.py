import gc
import threading
import tracemalloc

import pytest

from ingest.backoff import Backoff
from ingest.connection import Connection, ReaderStuckError
from ingest.reader import LiveReader, News
from ingest.source import Source
from maskwatch.config import IngestSettings
from maskwatch.contracts import CameraState, SourceReason
from tests.support.waiting import wait_for
from tests.unit.ingest.fakes import INFO, FakeReader, frame, lost

SETTINGS = IngestSettings()


class Readers:
    """Makes readers; each begins with the news of the list, the last list again and again."""

    def __init__(self, *news: list[News]) -> None:
        self.made: list[FakeReader] = []
        self.count = 0
        self._news = list(news)

    def __call__(self) -> FakeReader:
        news = self._news.pop(0) if len(self._news) > 1 else self._news[0]
        self.count += 1
        self.made = [*self.made[-1:], FakeReader(list(news))]
        return self.made[-1]


def connection(readers: Readers, *, seed: int = 1) -> Connection:
    return Connection("door", SETTINGS, make_reader=readers, backoff=Backoff(1.0, 60.0, seed=seed))


def test_a_camera_that_is_down_at_first_is_found_when_it_comes() -> None:
    readers = Readers([News(error=lost())], [News(captured=1, frames=(frame(0),), info=INFO)])
    link = connection(readers)
    link.step(0.0)
    link.step(0.1)
    assert link.condition(0.1).state is CameraState.OFFLINE
    assert link.condition(0.1).reason == SourceReason.REFUSED
    link.step(2.2)
    news = link.step(2.3)
    assert len(news.frames) == 1
    assert link.condition(2.3).state is CameraState.LIVE


def test_more_than_a_thousand_failed_tries_never_end_the_trying() -> None:
    readers = Readers([News(error=lost(SourceReason.UNREACHABLE))])
    link = connection(readers)
    now_s = 0.0
    while readers.count < 1500:
        link.step(now_s)
        now_s = max(now_s + 0.05, link.retry_at_s)
    assert link.losses >= 1499
    # A dead camera costs about two tries a minute, not twenty thousand a day.
    assert 25 < now_s / 1500 < 35
    readers._news = [[News(captured=1, frames=(frame(0),), info=INFO)]]
    for later_s in (1, 62, 63):
        link.step(now_s + later_s)
    assert link.condition(now_s + 63).state is CameraState.LIVE


def test_memory_does_not_grow_while_a_camera_is_unreachable() -> None:
    readers = Readers([News(error=lost())])
    link = connection(readers)
    now_s = 0.0

    def fail(times: int) -> None:
        nonlocal now_s
        goal = readers.count + times
        while readers.count < goal:
            link.step(now_s)
            now_s = max(now_s + 0.05, link.retry_at_s)

    fail(200)
    gc.collect()
    tracemalloc.start()
    fail(200)
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    fail(1000)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 20_000


def test_a_good_picture_makes_the_next_try_come_soon() -> None:
    readers = Readers([News(error=lost())])
    link = connection(readers)
    now_s = 0.0
    for _ in range(100):
        link.step(now_s)
        now_s = max(now_s + 0.05, link.retry_at_s)
    link.good_picture()
    before_s = now_s
    link.step(now_s)
    link.step(now_s)
    assert link.retry_at_s - before_s <= 2.0


def test_no_picture_for_the_frame_timeout_is_a_loss() -> None:
    readers = Readers([News(captured=1, frames=(frame(0),), info=INFO)])
    link = connection(readers)
    link.step(0.0)
    link.step(0.1)
    link.step(0.1 + SETTINGS.frame_timeout_s + 0.1)
    condition = link.condition(20.0)
    assert (condition.state, condition.reason) == (CameraState.OFFLINE, SourceReason.TIMEOUT)
    assert readers.made[-1].is_cancelled


def test_seconds_without_a_picture_are_not_watched_before_the_connection_is_lost() -> None:
    readers = Readers([News(captured=1, frames=(frame(0),), info=INFO)])
    link = connection(readers)
    link.step(0.0)
    link.step(0.1)
    assert link.condition(1.5).state is CameraState.LIVE
    assert link.condition(3.0).state is CameraState.OFFLINE
    assert link.has_reader


def test_a_source_that_is_slow_to_open_is_given_up_at_last() -> None:
    link = connection(Readers([]))
    link.step(0.0)
    link.step(29.0)
    assert link.condition(29.0).state is CameraState.CONNECTING
    link.step(31.0)
    assert link.condition(31.0).state is CameraState.OFFLINE


def test_the_end_of_a_file_is_no_loss() -> None:
    readers = Readers([News(captured=1, frames=(frame(0),), info=INFO), News(has_ended=True)])
    link = connection(readers)
    for now_s in (0.0, 0.1, 0.2, 100.0):
        link.step(now_s)
    assert link.condition(100.0).state is CameraState.ENDED
    assert (link.losses, readers.count) == (0, 1)


def test_two_readers_never_hold_the_camera_at_once() -> None:
    readers = Readers([News(captured=1, info=INFO)])
    link = connection(readers)
    link.step(0.0)
    link.step(0.1)
    readers.made[-1].ends = False
    link.lose(0.2, SourceReason.FROZEN, "its picture stands still")
    link.step(30.0)
    assert readers.count == 1
    readers.made[-1].ends = True
    link.step(31.0)
    assert readers.count == 2


def test_a_reader_that_never_ends_asks_for_a_new_process() -> None:
    readers = Readers([News(captured=1, info=INFO)])
    link = connection(readers)
    link.step(0.0)
    link.step(0.1)
    readers.made[-1].ends = False
    link.lose(0.2, SourceReason.FROZEN, "its picture stands still")
    with pytest.raises(ReaderStuckError):
        link.step(100.0)


def test_one_reason_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    readers = Readers([News(error=lost())])
    link = connection(readers)
    now_s = 0.0
    with caplog.at_level("INFO"):
        for _ in range(200):
            link.step(now_s)
            now_s = max(now_s + 0.05, link.retry_at_s)
    assert len([record for record in caplog.records if "refused" in record.message]) == 1


def test_an_unforeseen_error_names_the_camera_and_its_cause(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_: threading.Event) -> Source:
        raise ZeroDivisionError("a rate of zero")

    reader = LiveReader(fail, fps=5.0, slots=3)
    link = Connection("door", SETTINGS, make_reader=lambda: reader)
    link.step(0.0)
    wait_for(lambda: not reader.is_alive(), what="the end of the reader")
    link.step(0.1)
    assert link.condition(0.1).message.startswith("camera 'door': reading failed")
    (record,) = caplog.records
    assert record.getMessage().startswith("camera 'door': reading failed")
    assert "ZeroDivisionError: a rate of zero" in caplog.text
    assert "in fail" in caplog.text


def test_an_error_that_names_the_camera_names_it_once_and_has_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    error = lost()
    error.__cause__ = OSError("cause")
    link = connection(Readers([News(error=error)]))
    link.step(0.0)
    link.step(0.1)
    assert caplog.text.count("camera 'door'") == 1
    assert "Traceback" not in caplog.text
