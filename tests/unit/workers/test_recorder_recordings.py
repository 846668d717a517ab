"""A recording counts once, whatever epochs read it."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from maskwatch.contracts import Verdict, Watch
from maskwatch.replay_epoch import ReplayEpoch
from maskwatch.storage.recordings import CountedRecording
from tests.worlds.recorder_rows import WALKERS, record, total_of
from tests.worlds.result_log import START_UNIX_S, Epoch, Message, as_log


def _reading(*, revision: int, fps: int, from_second: int = 0, start_s: float = 0.0) -> Epoch:
    name = ReplayEpoch(
        revision=revision, recording="day", start_unix_s=int(START_UNIX_S + start_s),
        fps=f"{fps:g}", from_ms=from_second * 1000,
    )  # fmt: skip
    return Epoch(
        name=str(name), walkers=WALKERS, seconds=30, fps=fps, is_replay=True,
        from_second=from_second, start_unix_s=START_UNIX_S + start_s,
    )  # fmt: skip


@pytest.mark.parametrize("begins_at", [9, 12, 13])
@pytest.mark.parametrize("crash", [1, 4, 5, 7])
def test_a_recording_read_on_at_another_rate_counts_once(begins_at: int, crash: int) -> None:
    first, second = _reading(revision=1, fps=5), _reading(revision=2, fps=10, from_second=begins_at)
    # Stopped at second 13.4, when up to `begins_at` was committed; two pictures never come.
    head = [each for each in first.messages() if _media_s(each) < 13.4]
    del head[-2]
    log = as_log([*head, *second.messages()])

    rows = record(log, batch=20, crash_after=frozenset({crash}))

    assert rows.verdicts() == Counter({Verdict.MASK: 2, Verdict.NO_MASK: 1, Verdict.INCORRECT: 1})
    total = total_of(rows)
    assert (total.watched_ms, total.offline_ms, total.dropped) == (30_000, Counter(), 0)
    assert total.captured == 30 * 25
    assert rows.stored is not None
    assert rows.stored.position.is_finished
    assert rows.recordings["day"] == CountedRecording(recording="day", until_s=30.0, ended="whole")


def test_a_recording_read_on_with_another_time_counts_each_second_once() -> None:
    first = [each for each in _reading(revision=1, fps=5).messages() if _media_s(each) <= 13.0]
    second = _reading(revision=2, fps=5, from_second=10, start_s=-3600.0)

    rows = record(as_log([*first, *second.messages()]))

    total = total_of(rows)
    assert (total.watched_ms, total.captured) == (30_000, 30 * 25)
    hour_before = datetime.fromtimestamp(START_UNIX_S - 1800, UTC)
    earlier = [facts.watched_ms for minute, facts in rows.minutes.items() if minute < hour_before]
    assert sum(earlier) == 17_000
    assert all(each.started_at <= each.ended_at for each in rows.passages)


def _media_s(message: Message) -> float:
    return message.media_until_s if isinstance(message, Watch) else message.header.media_time_s
