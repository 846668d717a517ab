"""Results that come late are waited for; where that was too short, it is told and learned from."""

import logging
from dataclasses import dataclass

import pytest

from maskwatch.bus import Entry
from maskwatch.config import IngestSettings, RecorderSettings
from maskwatch.contracts import Watch
from maskwatch.storage.facts import Facts
from tests.worlds.result_log import START_UNIX_S, Epoch
from workers.order import LONGEST_HOLD_S, EpochOrder, Gap, live_hold_s
from workers.recorder import CameraRecorder

FPS = 5
SECONDS = 60
PICTURES = FPS * SECONDS

HOLD_S = live_hold_s(
    RecorderSettings().hold_s, queue_frames=IngestSettings().queue_frames, fps=float(FPS)
)


@dataclass
class Late:
    """A live camera whose results all come so long after their pictures."""

    late_s: float
    hold_s: float = HOLD_S

    def record(self) -> Facts:
        """Read the log every 0.2 s, as the recorder's process does, and add up what it counts."""
        arrivals = sorted(self._arrivals(), key=lambda arrival: arrival[0])
        recorder = CameraRecorder("a", RecorderSettings(hold_s=self.hold_s), server_id="s")
        total = Facts()
        for step in range(5 * (SECONDS + 30)):
            now_s = step / 5
            while arrivals and arrivals[0][0] <= now_s:
                recorder.put(arrivals.pop(0)[1], arrived_s=now_s)
            if counted := recorder.take(now_s):
                for facts in counted.minutes.values():
                    total.add(facts)
        return total

    def _arrivals(self) -> list[tuple[float, Entry]]:
        found = []
        epoch = Epoch(seconds=SECONDS, fps=FPS, has_last=False)
        for index, message in enumerate(epoch.messages()):
            at_unix_s = (
                message.until_unix_s
                if isinstance(message, Watch)
                else message.header.captured_at_unix_s + self.late_s
            )
            found.append((at_unix_s - START_UNIX_S, Entry("a", f"{1000 + index}-0", message)))
        return found


@pytest.mark.parametrize("late_s", [0.1, 1.6, 2.0, 2.5])
def test_every_result_of_a_slow_processor_is_counted(late_s: float) -> None:
    total = Late(late_s).record()

    assert (total.analysed, total.dropped, total.watched_ms) == (PICTURES, 0, SECONDS * 1000)


@pytest.mark.parametrize("late_s", [3.0, 5.0, 12.0])
def test_after_the_first_results_that_came_too_late_the_others_are_waited_for(
    late_s: float,
) -> None:
    total = Late(late_s).record()

    assert total.analysed + total.dropped == PICTURES
    assert total.dropped <= (late_s + 2) * FPS


def test_what_was_given_up_is_told_as_dropped_and_not_as_watched() -> None:
    total = Late(LONGEST_HOLD_S + 20).record()

    assert (total.analysed, total.watched_ms) == (0, 0)
    assert total.dropped >= PICTURES - 6 * FPS
    assert set(total.offline_ms) == {"dropped"}


def test_late_results_are_said_once_a_minute_with_camera_number_and_remedy(
    caplog: pytest.LogCaptureFixture,
) -> None:
    messages = Epoch(seconds=1, fps=FPS, has_last=False).messages()
    *analyses, tick = messages
    order = EpochOrder(hold_s=1.0)
    order.put(tick, "1-0", arrived_s=0.0)
    (gap, _) = order.take(1.0)
    assert isinstance(gap, Gap)
    assert gap.count == FPS

    with caplog.at_level(logging.WARNING):
        for index, arrived_s in enumerate((2.0, 3.0, 4.0, 61.0, 62.5)):
            order.put(analyses[index], f"{index + 2}-0", arrived_s=arrived_s)
            # It comes a second time: it was late once.
            order.put(analyses[index], f"{index + 9}-0", arrived_s=arrived_s)

    told = [record.getMessage() for record in caplog.records]
    assert [text.split("(")[1].split(" since")[0] for text in told] == ["1", "4"]
    assert all(text.startswith("camera a: ") and "fewer cameras" in text for text in told)
    assert order.take(70.0) == []
    assert order.hold_s == LONGEST_HOLD_S


def test_what_may_still_wait_in_the_queue_is_not_given_up() -> None:
    for queue_frames in (1, 3, 12, 64):
        for fps in (1.0, 5.0, 25.0):
            hold_s = live_hold_s(1.5, queue_frames=queue_frames, fps=fps)
            assert hold_s >= min(queue_frames / fps + 1, LONGEST_HOLD_S)
    assert live_hold_s(20.0, queue_frames=3, fps=5.0) == 20.0
    assert live_hold_s(1.5, queue_frames=64, fps=0.01) == LONGEST_HOLD_S
