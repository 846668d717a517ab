"""One epoch of one camera, put back in order.

Results arrive as workers finish them, ticks as ingest sends them; some come twice. Out of here they
come in one order that does not depend on any of that: frames by sequence, each tick behind the
frames that were offered before it, a replay's frames behind the ticks before them, each once.
"""

import logging
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from maskwatch.contracts import Analysis, FrameHeader, Watch

logger = logging.getLogger(__name__)

IN_HAND_S: Final = 2.0
"""So long a worker may have a picture in hand until its result is there, on a slow processor."""

LONGEST_HOLD_S: Final = 60.0
TELL_EVERY_S: Final = 60.0

_GIVEN_UP_KEPT: Final = 4096
_MARGIN: Final = 1.25


@dataclass(frozen=True, slots=True)
class Frame:
    """The next frame that was analysed."""

    analysis: Analysis


@dataclass(frozen=True, slots=True)
class Gap:
    """Frames that were offered and have no result.

    Attributes:
        count: How many.
        at_unix_s: About when.
    """

    count: int
    at_unix_s: float


@dataclass(frozen=True, slots=True)
class Tick:
    """The next stretch that ingest reported."""

    watch: Watch


Event = Frame | Gap | Tick

_Message = TypeVar("_Message", Analysis, Watch)


@dataclass(slots=True)
class _Held(Generic[_Message]):
    message: _Message
    stream_id: str
    arrived_s: float


def live_hold_s(least_s: float, *, queue_frames: int, fps: float) -> float:
    """How long after a tick the result of a live picture may still come, seconds.

    Args:
        least_s: `recorder.hold_s`, the answer where the queue is shorter.
        queue_frames: A picture waits until so many newer ones push it out …
        fps: … at this rate; then it is in a worker's hand.
    """
    return max(least_s, min(queue_frames / fps + IN_HAND_S, LONGEST_HOLD_S))


class EpochOrder:
    """Holds what came too early; gives what is due.

    In live a frame is given up, as a `Gap`, after a time. A result that comes after that changes
    nothing but the time: from then on as long as it took is waited for, up to `LONGEST_HOLD_S`.

    Args:
        last_sequence: Highest sequence counted before; what is not above it is ignored.
        last_tick: Highest tick counted before.
        is_replay: Waits for ever for what is missing, because nothing of a replay is dropped.
        hold_s: In live, give up what is missing after this time at first (see `live_hold_s`).
    """

    def __init__(
        self,
        *,
        last_sequence: int = -1,
        last_tick: int = -1,
        is_replay: bool = False,
        hold_s: float = 1.5,
    ) -> None:
        self.last_sequence = last_sequence
        self.last_tick = last_tick
        self.is_replay = is_replay
        self.is_finished = False
        self._hold_s = hold_s
        self._frames: dict[int, _Held[Analysis]] = {}
        self._ticks: dict[int, _Held[Watch]] = {}
        self._dropped: dict[int, float] = {}
        self._given_up: dict[int, float] = {}
        self._late = 0
        self._told_s: float | None = None

    @property
    def hold_s(self) -> float:
        """How long a missing frame is waited for at present."""
        return self._hold_s

    def put(self, message: Analysis | Watch, stream_id: str, *, arrived_s: float) -> None:
        """Take one message; a known one changes nothing.

        Args:
            message: Of this epoch.
            stream_id: Its position in the log.
            arrived_s: When it came, in the clock of `take`.
        """
        if self.is_finished:
            return
        if isinstance(message, Analysis):
            self.is_replay = self.is_replay or message.header.is_replay
            if message.header.sequence > self.last_sequence:
                self._frames.setdefault(
                    message.header.sequence, _Held(message, stream_id, arrived_s)
                )
            elif message.header.sequence in self._given_up:
                self._came_late(message.header, arrived_s)
            return
        self.is_replay = self.is_replay or message.is_replay
        if message.tick > self.last_tick:
            self._ticks.setdefault(message.tick, _Held(message, stream_id, arrived_s))
        for sequence in message.dropped_sequences:
            if sequence > self.last_sequence:
                self._dropped.setdefault(sequence, message.from_unix_s)

    def take(self, now_s: float, *, gives_up: bool = False) -> list[Event]:
        """Everything that is due by now, in order.

        Args:
            now_s: In the clock of `put`.
            gives_up: Wait no longer for what is missing: the epoch has been superseded.
        """
        events: list[Event] = []
        while not self.is_finished:
            event = (
                self._next_tick(gives_up)
                or self._next_frame(gives_up)
                or self._next_gap(now_s, gives_up)
            )
            if event is None:
                break
            events.append(event)
        return _joined(events)

    def oldest_held(self) -> str | None:
        """Position of the earliest message that has not been given out; None for none."""
        ids = [held.stream_id for held in self._frames.values()]
        ids += [held.stream_id for held in self._ticks.values()]
        return min(ids, key=position, default=None)

    def _next_tick(self, gives_up: bool) -> Event | None:
        if not self._ticks:
            return None
        number = min(self._ticks)
        if self.is_replay and not gives_up and number != self.last_tick + 1:
            return None
        watch = self._ticks[number].message
        if watch.last_sequence > self.last_sequence:
            return None
        del self._ticks[number]
        self.last_tick = number
        if watch.is_last:
            self.is_finished = True
            self._frames.clear()
            self._ticks.clear()
        return Tick(watch)

    def _next_frame(self, gives_up: bool) -> Event | None:
        number = self.last_sequence + 1
        held = self._frames.get(number)
        is_early = held is not None and held.message.header.tick > self.last_tick + 1
        if is_early and self.is_replay and not gives_up:
            # Counted time must not go back, as it would with a tick that comes after the picture.
            return None
        self._frames.pop(number, None)
        dropped_at = self._dropped.pop(number, None)
        if held is not None:
            self.last_sequence = number
            return Frame(held.message)
        if dropped_at is not None:
            self.last_sequence = number
            return Gap(1, dropped_at)
        return None

    def _next_gap(self, now_s: float, gives_up: bool) -> Event | None:
        """Jump to the next thing that is here, where the wait for what is missing is over."""
        if self.is_replay and not gives_up:
            return None
        due_s = now_s - self._hold_s
        waiting = [
            (number - 1, held.message.header.captured_at_unix_s, held.arrived_s)
            for number, held in self._frames.items()
        ] + [
            (held.message.last_sequence, held.message.from_unix_s, held.arrived_s)
            for held in self._ticks.values()
        ]
        # Up to the nearest one only: what is missing behind it has its own time to wait.
        target, at_unix_s, _ = min(waiting, default=(self.last_sequence, 0.0, 0.0))
        is_over = gives_up or any(arrived_s <= due_s for _, _, arrived_s in waiting)
        count = target - self.last_sequence
        if count <= 0 or not is_over:
            return None
        self._give_up(self.last_sequence + 1, target, now_s)
        self.last_sequence = target
        return Gap(count, at_unix_s)

    def _give_up(self, first: int, last: int, now_s: float) -> None:
        """Keep in mind since when these were waited for."""
        for sequence in range(max(first, last - _GIVEN_UP_KEPT + 1), last + 1):
            self._given_up[sequence] = now_s - self._hold_s
        while len(self._given_up) > _GIVEN_UP_KEPT:
            del self._given_up[next(iter(self._given_up))]

    def _came_late(self, header: FrameHeader, arrived_s: float) -> None:
        needed_s = arrived_s - self._given_up.pop(header.sequence)
        self._hold_s = max(self._hold_s, min(needed_s * _MARGIN, LONGEST_HOLD_S))
        self._late += 1
        if self._told_s is None or arrived_s - self._told_s >= TELL_EVERY_S:
            logger.warning(
                "camera %s: results came after they had been given up (%d since last said), their "
                "pictures count as dropped; waiting up to %.1f s from now on. The workers cannot "
                "keep up: give them fewer cameras, a lower fps or more processors",
                header.camera, self._late, self._hold_s,
            )  # fmt: skip
            self._late, self._told_s = 0, arrived_s


def position(stream_id: str) -> tuple[int, int]:
    """A stream id as numbers that sort."""
    milliseconds, _, number = stream_id.partition("-")
    return int(milliseconds), int(number or 0)


def just_before(stream_id: str) -> str:
    """The position before an entry: reading behind it gives that entry first."""
    milliseconds, number = position(stream_id)
    if number > 0:
        return f"{milliseconds}-{number - 1}"
    return f"{milliseconds - 1}-{2**64 - 1}" if milliseconds > 0 else "0-0"


def _joined(events: list[Event]) -> list[Event]:
    """Neighbouring gaps of the same time as one."""
    joined: list[Event] = []
    for event in events:
        last = joined[-1] if joined else None
        if isinstance(event, Gap) and isinstance(last, Gap) and event.at_unix_s == last.at_unix_s:
            joined[-1] = Gap(last.count + event.count, last.at_unix_s)
        else:
            joined.append(event)
    return joined
