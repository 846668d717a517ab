"""What has been counted since the last Watch, and over the whole epoch."""

from collections import Counter
from dataclasses import dataclass, field

from maskwatch.contracts import CameraState, Reject, Watch


@dataclass(slots=True)
class Tally:
    """Counts of one camera's epoch; `close` turns those of a stretch into a `Watch`."""

    camera: str
    epoch: str
    is_replay: bool = False
    next_sequence: int = 0
    next_tick: int = 0
    captured_total: int = 0
    offered_total: int = 0
    dropped_total: int = 0
    rejected_total: Counter[str] = field(default_factory=Counter)
    _captured: int = 0
    _offered: int = 0
    _rejected: Counter[str] = field(default_factory=Counter)
    _dropped: list[int] = field(default_factory=list)

    def captured(self, count: int) -> None:
        """Pictures were received."""
        self._captured += count
        self.captured_total += count

    def rejected(self, reject: Reject) -> None:
        """A picture was due and unfit."""
        self._rejected[reject.value] += 1
        self.rejected_total[reject.value] += 1

    def offered(self) -> None:
        """The picture of `next_sequence` was offered."""
        self._offered += 1
        self.offered_total += 1
        self.next_sequence += 1

    def overtaken(self, count: int) -> None:
        """Pictures were due and overtaken before they could be offered: offered and dropped."""
        for _ in range(count):
            self.dropped((self.next_sequence,))
            self.offered()

    def dropped(self, sequences: tuple[int, ...]) -> None:
        """Pictures that were offered will not be analysed."""
        self._dropped.extend(sequences)
        self.dropped_total += len(sequences)

    def forget_stretch(self) -> None:
        """Drop the counts of a stretch that cannot be told; what was dropped is told later."""
        self._captured = self._offered = 0
        self._rejected.clear()

    def close(
        self,
        from_unix_s: float,
        until_unix_s: float,
        *,
        state: CameraState,
        reason: str = "",
        is_last: bool = False,
        media_until_s: float = 0.0,
        recording_end: str = "",
    ) -> Watch:
        """Return the stretch's Watch and begin the next stretch."""
        watch = Watch(
            camera=self.camera,
            epoch=self.epoch,
            tick=self.next_tick,
            from_unix_s=from_unix_s,
            until_unix_s=until_unix_s,
            state=state,
            reason=reason,
            captured=self._captured,
            offered=self._offered,
            rejected=dict(self._rejected),
            dropped_sequences=tuple(sorted(self._dropped)),
            last_sequence=self.next_sequence - 1,
            is_last=is_last,
            is_replay=self.is_replay,
            media_until_s=media_until_s,
            recording_end=recording_end,
        )
        self.next_tick += 1
        self._dropped.clear()
        self.forget_stretch()
        return watch
