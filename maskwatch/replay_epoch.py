"""The name of a replay's epoch, spelled once: which recording it reads, how, and from where."""

from dataclasses import dataclass
from typing import Final, Self

_REPLAY: Final = "replay"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayEpoch:
    """One way of numbering the pictures of one recording.

    Attributes:
        revision: Of the camera when the epoch began: no two epochs have one name.
        recording: Short digest of the recording's beginning; the same after the file was moved,
            copied or has grown.
        start_unix_s: Wall clock of the recording's first picture, whole seconds.
        fps: Analysed rate.
        from_ms: Media time at which the numbering begins; what is before is counted already.
    """

    revision: int
    recording: str
    start_unix_s: int
    fps: str
    from_ms: int

    def __str__(self) -> str:
        """The epoch as messages carry it; a later revision sorts behind."""
        return (
            f"{self.revision:08d}-{_REPLAY}:{self.recording}:{self.start_unix_s}:{self.fps}:"
            f"{self.from_ms}"
        )

    @classmethod
    def parse(cls, epoch: str) -> Self | None:
        """The parts of an epoch's name; None for one of a live camera."""
        kind, *parts = epoch.split(":")
        revision, _, word = kind.partition("-")
        if word != _REPLAY or len(parts) != 4:
            return None
        recording, start, fps, from_ms = parts
        return cls(
            revision=int(revision),
            recording=recording,
            start_unix_s=int(start),
            fps=fps,
            from_ms=int(from_ms),
        )

    def numbers_as(self, other: Self) -> bool:
        """Whether a picture has the same number in both, when both begin at the same place."""
        return (self.recording, self.start_unix_s, self.fps) == (
            other.recording,
            other.start_unix_s,
            other.fps,
        )


def recording_of(epoch: str) -> str:
    """The recording that an epoch reads; "" for a live camera."""
    parts = ReplayEpoch.parse(epoch)
    return parts.recording if parts else ""
