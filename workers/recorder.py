"""Counts one camera: results in, rows out. No Redis, no SQL and no clock of its own.

Killed at any instant and made again from its last `Counted`, it gives the same rows: what it has
counted is behind its position, what it has not counted is before it.
"""

import logging
from collections import defaultdict, deque
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from maskwatch.bus import Entry
from maskwatch.config import RecorderSettings
from maskwatch.contracts import Analysis, Verdict, Watch
from maskwatch.replay_epoch import ReplayEpoch, recording_of
from maskwatch.storage.facts import Facts, Passage, age_bucket
from maskwatch.storage.recorder_state import RecorderPosition, StoredState
from maskwatch.storage.utc import from_unix, minute_of
from workers.counted import Counted, passage_row
from workers.coverage import Coverage, Minutes
from workers.order import EpochOrder, Event, Frame, Gap, just_before, position
from workers.recorded_time import RecordedTime
from workers.tracking import TrackedPassage, Tracker, TrackerSettings

logger = logging.getLogger(__name__)

START: Final = "0-0"
SILENCE_S: Final = 30.0
"""A live camera of which nothing is heard for so long: its open tracks have ended."""

_FINISHED_KEPT: Final = 16


class CameraRecorder:
    """The recorder of one camera."""

    def __init__(
        self,
        camera: str,
        settings: RecorderSettings,
        *,
        server_id: str,
        stored: StoredState | None = None,
    ) -> None:
        self.camera = camera
        self._settings = settings
        self._server_id = server_id
        self._version = stored.version if stored else 0
        self._epoch = stored.position.epoch if stored else ""
        self._finished: deque[str] = deque(maxlen=_FINISHED_KEPT)
        self._tracker = Tracker(self._tracker_settings())
        self._coverage = Coverage()
        self._recorded = RecordedTime()
        self._order = self._new_order()
        self._read = START
        if stored:
            self._restore(stored)
        self._superseding: list[tuple[Entry, float]] = []
        self._passages: list[Passage] = []
        self._minutes: defaultdict[datetime, Facts] = defaultdict(Facts)
        self._has_changed = self._is_left = False
        self._heard_s: float | None = None
        self.ages_ms: deque[float] = deque(maxlen=300)

    @property
    def read_position(self) -> str:
        """Read behind this entry next."""
        return self._read

    @property
    def is_finished(self) -> bool:
        """Nothing is open: the last epoch has ended, or there was none."""
        return (self._order.is_finished or not self._epoch) and not self._superseding

    @property
    def open_tracks(self) -> int:
        """People in view at the moment."""
        return self._tracker.open_tracks

    def put(self, entry: Entry, *, arrived_s: float) -> None:
        """Take the next entry of the log; entries come in the log's order.

        Args:
            entry: An entry of this camera.
            arrived_s: When it came, seconds, in the clock of `take`.
        """
        self._read = entry.stream_id
        self._heard_s = arrived_s
        epoch = _epoch_of(entry)
        if epoch in self._finished:
            return
        is_free = not self._epoch or (self._order.is_finished and not self._superseding)
        if is_free and epoch != self._epoch:
            self._begin(epoch)
        if epoch == self._epoch:
            self._order.put(entry.message, entry.stream_id, arrived_s=arrived_s)
        else:
            self._superseding.append((entry, arrived_s))

    def leave(self) -> None:
        """Nothing more will come, not even a last word: at the next `take` the epoch has ended."""
        self._is_left = True

    def take(self, now_s: float) -> Counted | None:
        """Count what is due; None where nothing has changed since the last call.

        Args:
            now_s: Seconds, in the clock of `put`. For a log that is being caught up with, the time
                of the newest entry read: waiting for late frames must not end before they are read.
        """
        if self._heard_s is None:
            self._heard_s = now_s
        self._count(self._order.take(now_s))
        while self._superseding and self._is_superseded(now_s):
            if not self._is_read_on():
                self._count(self._order.take(now_s, gives_up=True))
            self._succeed()
            self._count(self._order.take(now_s))
        if self._is_silent(now_s):
            self._add_minutes(self._coverage.settle())
            self._add_passages(self._tracker.finish())
        if self._is_left and not self._order.is_finished:
            self._count(self._order.take(now_s, gives_up=True))
            self._add_minutes(self._coverage.settle())
            self._add_passages(self._tracker.finish())
            self._order.is_finished = self._has_changed = True
        if not self._has_changed:
            return None
        return self._counted()

    def _is_superseded(self, now_s: float) -> bool:
        """Whether the last words of the current epoch have had time to arrive, or come again."""
        first_s = self._superseding[0][1]
        is_over = self._order.is_finished or now_s - first_s >= self._settings.hold_s
        return is_over or self._is_read_on()

    def _is_read_on(self) -> bool:
        """Whether the next epoch reads the recording on that the current one has not ended."""
        if self._order.is_finished:
            return False
        recording = recording_of(self._epoch)
        return bool(recording) and recording_of(_epoch_of(self._superseding[0][0])) == recording

    def _is_silent(self, now_s: float) -> bool:
        is_open = self._tracker.open_tracks or self._coverage.is_undecided
        if self._heard_s is None or self._order.is_replay or not is_open:
            return False
        return now_s - self._heard_s > SILENCE_S

    def _succeed(self) -> None:
        """Go on with the epoch that has superseded the current one."""
        logger.info("camera %s: epoch %s ended without a last word", self.camera, self._epoch)
        # Who is in view is still the same person where a live camera's process was started again,
        # and where a recording is read on with the same clock.
        goes_on = self._is_read_on() and _start_of(self._epoch) == _start_of(
            _epoch_of(self._superseding[0][0])
        )
        waiting, self._superseding = self._superseding, []
        was_replay = self._order.is_replay
        self._begin(_epoch_of(waiting[0][0]), goes_on=goes_on)
        for entry, arrived_s in waiting:
            if _epoch_of(entry) == self._epoch:
                self._order.put(entry.message, entry.stream_id, arrived_s=arrived_s)
            elif _epoch_of(entry) not in self._finished:
                self._superseding.append((entry, arrived_s))
        if not goes_on and (was_replay or self._order.is_replay):
            self._add_passages(self._tracker.finish())

    def _begin(self, epoch: str, *, goes_on: bool = False) -> None:
        if self._epoch:
            self._finished.append(self._epoch)
        self._epoch = epoch
        self._order = self._new_order()
        if not goes_on:
            self._add_minutes(self._coverage.settle())
            self._coverage = Coverage()
        self._has_changed = True

    def _count(self, events: Sequence[Event]) -> None:
        for event in events:
            self._has_changed = True
            if isinstance(event, Frame):
                if self._recorded.is_new(event.analysis.header):
                    self._count_frame(event.analysis)
            elif isinstance(event, Gap):
                self._minute(event.at_unix_s).dropped += event.count
                self._coverage.dropped(event.count)
            elif (watch := self._recorded.rest_of(event.watch)) is not None:
                self._count_tick(watch)

    def _count_frame(self, analysis: Analysis) -> None:
        header = analysis.header
        facts = self._minute(header.captured_at_unix_s)
        if analysis.error:
            facts.failed += 1
            self._coverage.failed()
            return
        facts.analysed += 1
        self._coverage.analysed()
        facts.looks += len(analysis.faces)
        facts.looks_unreadable += sum(face.label is Verdict.UNREADABLE for face in analysis.faces)
        if not header.is_replay:
            age_ms = (analysis.analysed_at_unix_s - header.captured_at_unix_s) * 1000
            facts.frame_age_ms[age_bucket(age_ms)] += 1
            self.ages_ms.append(age_ms)
        size = (header.width, header.height)
        self._add_passages(
            self._tracker.update(analysis.faces, header.captured_at_unix_s, size=size)
        )

    def _count_tick(self, watch: Watch) -> None:
        facts = self._minute(watch.from_unix_s)
        facts.captured += watch.captured
        facts.rejected.update(watch.rejected)
        self._add_minutes(self._coverage.tick(watch))
        self._add_passages(self._tracker.advance(watch.until_unix_s))
        if watch.is_last:
            self._add_passages(self._tracker.finish())

    def _minute(self, at_unix_s: float) -> Facts:
        return self._minutes[minute_of(from_unix(at_unix_s))]

    def _add_minutes(self, minutes: Minutes) -> None:
        for minute, facts in minutes.items():
            self._has_changed = True
            self._minutes[minute].add(facts)

    def _add_passages(self, ended: Sequence[TrackedPassage]) -> None:
        for passage in ended:
            self._has_changed = True
            self._passages.append(passage_row(passage, camera=self.camera, epoch=self._epoch))

    def _counted(self) -> Counted:
        stored = StoredState(
            position=RecorderPosition(
                epoch=self._epoch,
                last_sequence=self._order.last_sequence,
                last_tick=self._order.last_tick,
                results_stream_id=self._committable(),
                redis_server_id=self._server_id,
                is_finished=self._order.is_finished,
            ),
            state=self._memory(),
            version=self._version,
        )
        counted = Counted(
            camera=self.camera,
            passages=tuple(self._passages),
            minutes=dict(self._minutes),
            stored=stored,
            recordings=self._recorded.take_changes(),
        )
        self._version += 1
        self._passages, self._minutes = [], defaultdict(Facts)
        self._has_changed = False
        return counted

    def _committable(self) -> str:
        """Everything up to here is counted; what is held back is read again after a restart."""
        held = [entry.stream_id for entry, _ in self._superseding[:1]]
        if oldest := self._order.oldest_held():
            held.append(oldest)
        return just_before(min(held, key=position)) if held else self._read

    def _memory(self) -> dict[str, Any]:
        return {
            "tracker": self._tracker.state(),
            "coverage": self._coverage.state(),
            "recorded": self._recorded.state(),
            "finished": list(self._finished),
            "is_replay": self._order.is_replay,
        }

    def _restore(self, stored: StoredState) -> None:
        where = stored.position
        self._finished.extend(stored.state["finished"])
        self._tracker = Tracker.from_state(stored.state["tracker"], self._tracker_settings())
        # Memory that an earlier version wrote has none.
        self._coverage = Coverage(stored.state.get("coverage"))
        self._recorded = RecordedTime(stored.state.get("recorded"))
        self._order = self._new_order(last_sequence=where.last_sequence, last_tick=where.last_tick)
        self._order.is_replay = stored.state["is_replay"]
        self._order.is_finished = where.is_finished
        # Positions of another server mean nothing; what is read twice is known by its numbers.
        if where.redis_server_id == self._server_id:
            self._read = where.results_stream_id

    def _new_order(self, *, last_sequence: int = -1, last_tick: int = -1) -> EpochOrder:
        return EpochOrder(
            last_sequence=last_sequence, last_tick=last_tick, hold_s=self._settings.hold_s
        )

    def _tracker_settings(self) -> TrackerSettings:
        return TrackerSettings(
            lost_after_s=self._settings.lost_after_s, min_looks=self._settings.min_looks
        )


def _epoch_of(entry: Entry) -> str:
    message = entry.message
    return message.header.epoch if isinstance(message, Analysis) else message.epoch


def _start_of(epoch: str) -> int | None:
    parts = ReplayEpoch.parse(epoch)
    return parts.start_unix_s if parts else None
