"""Time is watched as far as its pictures were analysed; the rest has its reason."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest

from maskwatch.contracts import Analysis, CameraState, Watch
from tests.worlds.recorder_rows import Rows, record, total_of
from tests.worlds.result_log import START_UNIX_S, Epoch, Message, as_log, shuffled
from tests.worlds.walkers import Walker
from workers.coverage import Coverage

SECONDS = 120
FRAMES = frozenset(range(SECONDS * 5))
WALKER = Walker(enters_s=1, start=(0, 300), speed=(20, 0), leaves_s=60)


def told(rows: Rows) -> tuple[int, dict[str, int]]:
    total = total_of(rows)
    return total.watched_ms, dict(total.offline_ms)


def watched(epoch: Epoch) -> tuple[int, dict[str, int]]:
    return told(record(as_log(epoch.messages())))


def slowly(fps: float, seconds: int, *, lost: Iterable[int] = ()) -> list[Message]:
    """A camera that is looked at less than once a second; its picture is due in the last second."""
    period = round(1 / fps)
    messages: list[Message] = []
    sequence = -1
    for second, (analysis, tick) in enumerate(_pairs(Epoch(fps=1, seconds=seconds).messages())):
        captured = (second + 1) % period == 0
        if captured:
            sequence += 1
            if sequence not in lost:
                header = replace(analysis.header, sequence=sequence)
                messages.append(replace(analysis, header=header))
        dropped = (sequence,) if captured and sequence in lost else ()
        messages.append(
            replace(tick, last_sequence=sequence, offered=captured, dropped_sequences=dropped)
        )
    return messages


def unended(messages: Iterable[Message]) -> list[Message]:
    return [replace(each, is_last=False) if isinstance(each, Watch) else each for each in messages]


def _pairs(messages: list[Message]) -> Iterable[tuple[Analysis, Watch]]:
    for analysis, tick in zip(messages[::2], messages[1::2], strict=True):
        assert isinstance(analysis, Analysis)
        assert isinstance(tick, Watch)
        yield analysis, tick


@pytest.mark.parametrize(
    ("epoch", "reason"),
    [
        (Epoch(seconds=SECONDS, dropped=FRAMES), "dropped"),
        (Epoch(seconds=SECONDS, lost=FRAMES, has_last=False), "dropped"),
        (Epoch(seconds=SECONDS, failed=FRAMES), "failed"),
        (Epoch(seconds=SECONDS, fps=0, rejected={"dark": 5}), "dark"),
        (Epoch(seconds=SECONDS, fps=0, rejected={"torn": 1}, is_replay=True), "torn"),
        (Epoch(seconds=SECONDS, fps=0), "unanalysed"),
    ],
)
def test_a_live_camera_of_which_nothing_is_analysed_is_not_watched(
    epoch: Epoch, reason: str
) -> None:
    assert watched(epoch) == (0, {reason: SECONDS * 1000})


def test_what_is_watched_is_the_share_that_was_analysed() -> None:
    # 23 of each 50 pictures, spread unevenly over the seconds.
    dropped = frozenset(n for n in FRAMES if n * 23 % 50 < 23)
    assert len(dropped) == 0.46 * len(FRAMES)

    assert watched(Epoch(seconds=SECONDS, dropped=dropped)) == (64_800, {"dropped": 55_200})


def test_a_few_dropped_pictures_cost_their_own_time_and_no_more() -> None:
    epoch = Epoch(seconds=SECONDS, dropped=frozenset({17, 300, 301}))

    assert watched(epoch) == (119_400, {"dropped": 600})


def test_each_reason_has_its_share() -> None:
    dropped = frozenset(n for n in FRAMES if n % 5 == 0)
    failed = frozenset(n for n in FRAMES if n % 5 == 1)
    # Of ten due pictures a second one is dropped, one fails, four are dark, one is torn.
    epoch = Epoch(seconds=SECONDS, dropped=dropped, failed=failed, rejected={"dark": 4, "torn": 1})

    assert watched(epoch) == (
        36_000,
        {"dropped": 12_000, "failed": 12_000, "dark": 48_000, "torn": 12_000},
    )


def test_pictures_that_wait_in_the_queue_when_the_tick_comes_are_waited_for() -> None:
    messages = Epoch(seconds=20, has_last=False).messages()
    # Every result comes a second late: behind the tick of its own second.
    ticks = [message for message in messages if isinstance(message, Watch)]
    analyses = [message for message in messages if not isinstance(message, Watch)]
    late: list[Message] = []
    for second, tick in enumerate(ticks):
        late += [tick, *analyses[second * 5 : second * 5 + 5]]

    assert told(record(as_log(late))) == (20_000, {})


def test_a_camera_that_is_looked_at_every_five_seconds_is_watched_all_the_time() -> None:
    assert told(record(as_log(slowly(0.2, 60)))) == (60_000, {})


def test_of_a_slow_camera_a_dropped_picture_costs_the_time_that_it_stood_for() -> None:
    assert told(record(as_log(slowly(0.2, 60, lost=[3])))) == (55_000, {"dropped": 5_000})


def test_time_before_the_camera_goes_off_is_as_its_last_picture() -> None:
    messages = unended(slowly(0.2, 13))
    off = Watch(
        camera="a", epoch="e1", tick=13, from_unix_s=START_UNIX_S + 13,
        until_unix_s=START_UNIX_S + 20, state=CameraState.OFFLINE, reason="timeout",
        last_sequence=1,
    )  # fmt: skip

    assert told(record(as_log([*messages, off]))) == (13_000, {"timeout": 7_000})


def test_the_last_seconds_of_a_killed_camera_are_not_lost() -> None:
    messages = unended(slowly(0.2, 13))
    second = Epoch(name="e2", seconds=5, start_unix_s=START_UNIX_S + 60).messages()

    assert told(record(as_log(messages), ends_s=1.0)) == (10_000, {})
    assert told(record(as_log(messages), ends_s=1000.0)) == (13_000, {})
    assert told(record(as_log([*messages, *second]))) == (18_000, {})


@pytest.mark.parametrize("is_replay", [True, False])
def test_a_crash_anywhere_leaves_the_same_figures(is_replay: bool) -> None:
    epoch = Epoch(
        walkers=[WALKER], seconds=20, failed=frozenset({3, 50}), rejected={"dark": 2},
        dropped=frozenset() if is_replay else frozenset(range(30, 47)), is_replay=is_replay,
    )  # fmt: skip
    log = as_log(shuffled(epoch.messages(), seed=4))
    undisturbed = record(log, batch=3).compared()

    for step in range(1, len(log) // 3 + 3):
        assert record(log, batch=3, crash_after=frozenset({step})).compared() == undisturbed


def test_a_crash_while_a_slow_camera_waits_for_its_picture_loses_no_second() -> None:
    log = as_log(slowly(0.2, 60, lost=[3]))

    for step in range(1, len(log) // 2):
        rows = record(log, batch=2, crash_after=frozenset({step}))
        assert told(rows) == (55_000, {"dropped": 5_000})


def test_parts_of_a_stretch_add_up_to_it() -> None:
    (tick,) = Epoch(seconds=1, fps=0, rejected={"dark": 1, "torn": 1}).messages()
    assert isinstance(tick, Watch)
    coverage = Coverage()
    coverage.analysed()

    ((_, facts),) = coverage.tick(tick).items()

    assert facts.watched_ms + facts.offline_ms.total() == 1000
    assert Counter(facts.offline_ms) == Counter(dark=334, torn=333)
