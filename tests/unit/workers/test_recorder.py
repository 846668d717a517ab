"""Counting is effectively once: whatever the log and the crashes, the rows are the same."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from maskwatch.bus import Entry
from maskwatch.config import RecorderSettings
from maskwatch.contracts import Analysis, Verdict, Watch
from tests.worlds.recorder_rows import WALKERS, record, total_of
from tests.worlds.result_log import START_UNIX_S, Epoch, Message, as_log, shuffled
from tests.worlds.walkers import Walker
from workers.recorder import CameraRecorder


@pytest.mark.parametrize("is_replay", [True, False])
def test_the_rows_are_what_happened(is_replay: bool) -> None:
    epoch = Epoch(walkers=WALKERS, seconds=30, is_replay=is_replay, rejected={"dark": 1})

    rows = record(as_log(epoch.messages()))

    assert rows.verdicts() == Counter({Verdict.MASK: 2, Verdict.NO_MASK: 1, Verdict.INCORRECT: 1})
    total = total_of(rows)
    # One of six pictures that were due was dark.
    assert (total.watched_ms, total.offline_ms) == (24_990, Counter(dark=5_010))
    assert (total.analysed, total.captured) == (150, 30 * 25)
    assert (total.dropped, total.failed, total.rejected) == (0, 0, Counter(dark=30))
    # The epoch begins half a minute before a minute's end.
    assert [facts.watched_ms for _, facts in sorted(rows.minutes.items())] == [24_990]
    assert total.frame_age_ms == (Counter() if is_replay else Counter({"120": 150}))
    assert rows.stored is not None
    assert rows.stored.position.is_finished
    first = min(rows.passages, key=lambda each: each.started_at)
    assert first.started_at == datetime.fromtimestamp(START_UNIX_S + 1.2, UTC)


@pytest.mark.parametrize("is_replay", [True, False])
def test_a_crash_at_any_point_changes_no_row(is_replay: bool) -> None:
    epoch = Epoch(walkers=WALKERS, seconds=25, is_replay=is_replay, failed=frozenset({17}))
    log = as_log(epoch.messages())
    undisturbed = record(log).compared()

    for step in range(1, len(log) // 7 + 3):
        assert record(log, crash_after=frozenset({step})).compared() == undisturbed


@pytest.mark.parametrize("seed", range(12))
def test_duplicates_reordering_and_many_crashes_change_no_row(seed: int) -> None:
    epoch = Epoch(walkers=WALKERS, seconds=25, is_replay=seed % 2 == 0)
    undisturbed = record(as_log(epoch.messages())).compared()
    disturbed = as_log(shuffled(epoch.messages(), seed=seed))

    rows = record(disturbed, batch=3 + seed, crash_after=frozenset(range(seed % 3, 200, 3)))

    assert rows.compared() == undisturbed


def test_a_dropped_frame_is_counted_and_does_not_hold_up_the_rest() -> None:
    epoch = Epoch(walkers=WALKERS, dropped=frozenset({10, 11, 12, 50}), has_last=False)

    rows = record(as_log(epoch.messages()))

    total = total_of(rows)
    assert (total.analysed, total.dropped) == (96, 4)


def test_a_frame_that_never_comes_is_given_up_after_the_hold_in_live() -> None:
    log = as_log(Epoch(walkers=WALKERS, lost=frozenset({10}), has_last=False).messages())

    waiting = record(log, ends_s=0.0)
    given_up = record(log, rows=waiting)

    assert total_of(given_up).dropped == 1
    assert total_of(given_up).analysed == 99


def test_a_replay_waits_for_ever_for_a_missing_frame_and_then_counts_it() -> None:
    whole = Epoch(walkers=WALKERS, is_replay=True)
    missing = as_log(replace(whole, lost=frozenset({10})).messages())

    rows = record(missing, ends_s=1e9)

    assert total_of(rows).analysed == 10
    late = [message for message in whole.messages() if _sequence(message) == 10]
    rows = record([*missing, Entry("a", "90000-0", late[0])], rows=rows)
    assert rows.compared() == record(as_log(whole.messages())).compared()


@pytest.mark.parametrize("behind", [1, 2, 3])
def test_pictures_of_a_replay_wait_for_ticks_that_come_late(behind: int) -> None:
    # Redis was lost with the ticks; a worker still held the pictures behind them and published
    # them at once, before the replay told the ticks again.
    epoch = Epoch(walkers=WALKERS, seconds=30, is_replay=True)
    messages = epoch.messages()
    ticks = [message for message in messages if isinstance(message, Watch)][14 : 14 + behind]
    kept = [message for message in messages if message not in ticks]
    next_tick = kept.index(next(each for each in messages if each == _tick(messages, 14 + behind)))
    late = kept[:next_tick] + ticks + kept[next_tick:]

    rows = record(as_log(late), batch=3)

    assert rows.compared() == record(as_log(messages)).compared()


def _tick(messages: Sequence[Message], number: int) -> Watch:
    return next(each for each in messages if isinstance(each, Watch) and each.tick == number)


def test_a_result_that_comes_after_it_was_given_up_is_ignored() -> None:
    epoch = Epoch(walkers=WALKERS, lost=frozenset({10}))
    log = as_log(epoch.messages())
    rows = record(log)
    before = rows.compared()
    late = [m for m in replace(epoch, lost=frozenset()).messages() if _sequence(m) == 10]

    after = record([*log, Entry("a", "90000-0", late[0])], rows=rows)

    assert after.compared() == before


def test_a_failed_analysis_is_counted_and_nobody_waits_for_it() -> None:
    rows = record(as_log(Epoch(walkers=WALKERS, failed=frozenset({3, 4})).messages()))

    assert (total_of(rows).failed, total_of(rows).analysed) == (2, 98)


def test_seconds_offline_are_told_by_reason_and_not_watched() -> None:
    rows = record(as_log(Epoch(offline=frozenset(range(5, 12)), seconds=20).messages()))

    total = total_of(rows)
    assert (total.watched_ms, dict(total.offline_ms)) == (13_000, {"timeout": 7_000})
    assert (total.analysed, total.dropped) == (65, 0)


def test_a_person_in_view_when_the_camera_goes_off_is_counted_once() -> None:
    walker = Walker(enters_s=1, start=(200, 300), speed=(50, 0), leaves_s=60)
    epoch = Epoch(walkers=[walker], offline=frozenset(range(6, 20)), seconds=20, has_last=False)

    rows = record(as_log(epoch.messages()))

    assert len(rows.passages) == 1
    assert rows.passages[0].ended_at <= datetime.fromtimestamp(START_UNIX_S + 6, UTC)


def test_a_second_that_is_missing_in_the_ticks_is_not_watched() -> None:
    messages = [
        message
        for message in Epoch(seconds=20).messages()
        if not (isinstance(message, Watch) and message.tick in (7, 8))
    ]

    rows = record(as_log(messages))

    assert total_of(rows).watched_ms == 18_000
    assert total_of(rows).analysed == 100


def test_a_new_life_of_a_live_camera_counts_a_person_in_view_once() -> None:
    walker = Walker(enters_s=1, start=(100, 300), speed=(60, 0), leaves_s=60)
    first = Epoch(name="e1", walkers=[walker], seconds=6, has_last=False)
    moved = replace(walker, enters_s=0, start=(100 + 60 * 6, 300))
    second = Epoch(name="e2", walkers=[moved], seconds=8, start_unix_s=START_UNIX_S + 7)
    log = as_log([*first.messages(), *second.messages()])

    rows = record(log)

    assert len(rows.passages) == 1
    assert total_of(rows).watched_ms == 14_000
    for step in range(1, 14):
        assert record(log, crash_after=frozenset({step})).compared() == rows.compared()


def test_the_last_words_of_a_killed_epoch_are_counted_before_the_next_one() -> None:
    first = Epoch(name="e1", seconds=6, has_last=False).messages()
    second = Epoch(name="e2", seconds=6, start_unix_s=START_UNIX_S + 8).messages()
    # The last two results of the first epoch arrive behind the first ones of the second.
    log = as_log([*first[:-3], first[-1], *second[:4], *first[-3:-1], *second[4:]])

    rows = record(log, batch=100)

    assert (total_of(rows).analysed, total_of(rows).dropped) == (60, 0)
    assert rows.stored is not None
    assert rows.stored.position.epoch == "e2"


def test_what_comes_late_from_a_finished_epoch_is_ignored() -> None:
    first = Epoch(name="e1", walkers=WALKERS, seconds=25).messages()
    second = Epoch(name="e2", seconds=6, start_unix_s=START_UNIX_S + 30).messages()
    clean = record(as_log([*first, *second])).compared()

    assert record(as_log([*first, *second, *first])).compared() == clean


def test_a_restarted_redis_is_read_from_its_start_and_nothing_counts_twice() -> None:
    epoch = Epoch(walkers=WALKERS, seconds=25, is_replay=True)
    messages = epoch.messages()
    rows = record(as_log(messages[:70]))
    assert rows.stored is not None
    done = rows.stored.position

    # The replay sends its ticks again and only later frames, on an empty server.
    again = [m for m in messages if isinstance(m, Watch) or _sequence(m) > done.last_sequence]
    recorder = CameraRecorder("a", RecorderSettings(), server_id="other", stored=rows.stored)
    assert recorder.read_position == "0-0"
    for entry in as_log(again):
        recorder.put(entry, arrived_s=0.0)
    counted = recorder.take(0.0)
    assert counted is not None
    rows.commit(counted)

    assert rows.compared() == record(as_log(messages)).compared()


def test_a_silent_live_camera_gives_up_its_open_tracks_after_a_while() -> None:
    walker = Walker(enters_s=1, start=(200, 300), speed=(50, 0), leaves_s=60)
    log = as_log(Epoch(walkers=[walker], seconds=6, has_last=False).messages())

    assert record(log, ends_s=10.0).passages == []
    assert len(record(log, ends_s=100.0).passages) == 1


def test_a_clock_that_jumps_forward_is_no_watched_time() -> None:
    *analysed, tick = Epoch(seconds=1).messages()
    assert isinstance(tick, Watch)
    jump = replace(tick, until_unix_s=START_UNIX_S + 86_400)

    assert total_of(record(as_log([*analysed, jump]))).watched_ms == 60_000


def _sequence(message: Message) -> int:
    return message.header.sequence if isinstance(message, Analysis) else -1
