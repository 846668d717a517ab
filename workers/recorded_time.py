"""How much of each recording is counted: its time counts once, whatever epochs read it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from maskwatch.contracts import FrameHeader, Watch
from maskwatch.replay_epoch import recording_of
from maskwatch.storage.recordings import CountedRecording

_KEPT: Final = 16
"""Recordings of which messages may still be under way."""

_EXACT_S: Final = 0.002
"""Epochs begin at whole milliseconds; clock times are exact to less than one."""


@dataclass(slots=True)
class _Recording:
    """Media times, seconds: the newest picture counted, and the end of the last tick counted."""

    seen_s: float = -1.0
    until_s: float = 0.0
    ended: str = ""


class RecordedTime:
    """Tells what of a replay is counted already.

    An epoch that reads a recording on begins where the database said that the one before it was.
    What that one still had under way is counted meanwhile, and comes again in the new epoch.

    Args:
        state: As `state()` gave it; None for a new camera.
    """

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        self._recordings = {name: _Recording(**each) for name, each in (state or {}).items()}
        self._changed: set[str] = set()

    def is_new(self, header: FrameHeader) -> bool:
        """Whether a picture is still to be counted; from then on it is counted."""
        recording = self._of(header.epoch)
        if recording is None:
            return True
        if header.media_time_s <= recording.seen_s:
            return False
        recording.seen_s = header.media_time_s
        return True

    def rest_of(self, watch: Watch) -> Watch | None:
        """What of a tick is still to be counted, from then on counted; None for nothing."""
        recording = self._of(watch.epoch)
        if recording is None:
            return watch
        begins_s = watch.media_until_s - (watch.until_unix_s - watch.from_unix_s)
        counted_s = recording.until_s - begins_s
        recording.until_s = max(recording.until_s, watch.media_until_s)
        recording.ended = watch.recording_end or recording.ended
        self._changed.add(recording_of(watch.epoch))
        if counted_s < _EXACT_S:
            return watch
        from_unix_s = watch.from_unix_s + counted_s
        if from_unix_s < watch.until_unix_s:
            return replace(watch, from_unix_s=from_unix_s)
        if not watch.is_last:
            return None
        return replace(watch, from_unix_s=watch.until_unix_s, captured=0, rejected={})

    def take_changes(self) -> tuple[CountedRecording, ...]:
        """What has changed since the last call, for the database."""
        changed, self._changed = sorted(self._changed), set()
        return tuple(
            CountedRecording(
                recording=name,
                until_s=self._recordings[name].until_s,
                ended=self._recordings[name].ended,
            )
            for name in changed
        )

    def state(self) -> dict[str, Any]:
        """What `RecordedTime` goes on from, as JSON has it."""
        return {name: asdict(each) for name, each in self._recordings.items()}

    def _of(self, epoch: str) -> _Recording | None:
        name = recording_of(epoch)
        if not name:
            return None
        # The newest stands last.
        recording = self._recordings.pop(name, None) or _Recording()
        self._recordings[name] = recording
        while len(self._recordings) > _KEPT:
            oldest = next(iter(self._recordings))
            del self._recordings[oldest]
        return recording
