"""Makes the log of results that ingest and workers would write for a camera, from walkers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from maskwatch.bus import Entry
from maskwatch.contracts import Analysis, CameraState, Face, FrameHeader, Watch
from tests.worlds.walkers import SIZE, Walker, frames

Message = Analysis | Watch
START_UNIX_S = 1_790_000_010.0
"""2026-09-21 14:13:30 UTC: a whole number of seconds, not at a minute's beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One life of a camera's ingest process.

    Attributes:
        walkers: Who passes; times count from `start_unix_s`.
        seconds: Length.
        dropped: Sequences that were pushed out, told by the tick.
        lost: Sequences that never come, untold.
        failed: Sequences whose analysis failed.
        rejected: Unfit pictures that each second with pictures has, by reason, beside the others.
        offline: Seconds (whole, from the start) in which the camera is away: no frames then.
        has_last: The end is told.
        from_second: Of a replay that reads on from there: what is before is left out, and the
            numbers begin there.
    """

    name: str = "e1"
    camera: str = "a"
    walkers: Sequence[Walker] = ()
    seconds: int = 20
    fps: int = 5
    seed: int = 1
    start_unix_s: float = START_UNIX_S
    is_replay: bool = False
    dropped: frozenset[int] = frozenset()
    lost: frozenset[int] = frozenset()
    failed: frozenset[int] = frozenset()
    rejected: Mapping[str, int] = field(default_factory=dict)
    offline: frozenset[int] = frozenset()
    has_last: bool = True
    from_second: int = 0

    def messages(self) -> list[Message]:
        """Every message in the order in which it would be sent."""
        looks = frames(list(self.walkers), fps=self.fps, seconds=self.seconds, seed=self.seed)
        messages: list[Message] = []
        sequence = -1
        for second in range(self.from_second, self.seconds):
            first = sequence + 1
            is_off = second in self.offline
            for time_s, faces in looks[second * self.fps : (second + 1) * self.fps]:
                if is_off:
                    continue
                sequence += 1
                if sequence not in self.dropped | self.lost:
                    messages.append(self._analysis(sequence, second, time_s, faces))
            messages.append(self._watch(second, first, sequence, is_off=is_off))
        return messages

    def _analysis(self, sequence: int, second: int, time_s: float, faces: list[Face]) -> Analysis:
        captured = self.start_unix_s + time_s
        header = FrameHeader(
            camera=self.camera, epoch=self.name, sequence=sequence, captured_at_unix_s=captured,
            media_time_s=time_s, width=SIZE[0], height=SIZE[1], is_replay=self.is_replay,
            offered_at_unix_s=captured, tick=second - self.from_second,
        )  # fmt: skip
        error = "cannot be decoded" if sequence in self.failed else ""
        return Analysis(
            header=header, faces=() if error else tuple(faces), timings_ms={"detect": 4.0},
            analysed_at_unix_s=captured + 0.12, worker="w1", error=error,
        )  # fmt: skip

    def _watch(self, second: int, first: int, last: int, *, is_off: bool) -> Watch:
        dropped = tuple(number for number in range(first, last + 1) if number in self.dropped)
        is_end = second == self.seconds - 1
        return Watch(
            camera=self.camera, epoch=self.name, tick=second - self.from_second,
            from_unix_s=self.start_unix_s + second, until_unix_s=self.start_unix_s + second + 1,
            state=CameraState.OFFLINE if is_off else CameraState.LIVE,
            reason="timeout" if is_off else "", captured=0 if is_off else 25,
            offered=last - first + 1, rejected={} if is_off else dict(self.rejected),
            dropped_sequences=dropped, last_sequence=last,
            is_last=self.has_last and is_end, is_replay=self.is_replay,
            media_until_s=second + 1.0, recording_end="whole" if self.is_replay and is_end else "",
        )  # fmt: skip


def as_log(messages: Iterable[Message]) -> list[Entry]:
    """The messages as entries of the log, 10 ms apart."""
    entries = []
    for index, message in enumerate(messages):
        camera = message.camera if isinstance(message, Watch) else message.header.camera
        entries.append(Entry(camera, f"{1000 + index * 10}-0", message))
    return entries


def shuffled(
    messages: Sequence[Message], *, seed: int, reach: int = 4, repeats: float = 0.2
) -> list[Message]:
    """The messages as several workers would finish them: a little out of order, some twice.

    Ticks keep their order among themselves, for one process sends them; a repeated message comes
    again a little later.
    """
    rng = np.random.default_rng(seed)
    keyed = []
    for index, message in enumerate(messages):
        late = rng.uniform(0, reach) if isinstance(message, Analysis) else 0.0
        keyed.append((index + late, index, message))
        if rng.random() < repeats:
            keyed.append((index + late + rng.uniform(0, 3 * reach), index, _again(message)))
    return [message for _, _, message in sorted(keyed, key=lambda item: item[:2])]


def _again(message: Message) -> Message:
    """A repeated analysis comes from another worker, a moment later."""
    if isinstance(message, Watch):
        return message
    return replace(message, worker="w2")
