"""A recorder that reads a log, and the rows that it would commit, without a database."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from maskwatch.bus import Entry
from maskwatch.config import RecorderSettings
from maskwatch.contracts import Verdict
from maskwatch.storage.facts import Facts, Passage
from maskwatch.storage.recorder_state import StoredState
from maskwatch.storage.recordings import CountedRecording
from tests.worlds.walkers import Walker
from workers.counted import Counted
from workers.order import position
from workers.recorder import CameraRecorder

WALKERS = (
    Walker(enters_s=1, start=(0, 300), speed=(250, 0), leaves_s=20, verdict=Verdict.MASK),
    Walker(enters_s=4, start=(1280, 320), speed=(-220, 0), leaves_s=20, verdict=Verdict.NO_MASK),
    Walker(enters_s=9, start=(0, 500), speed=(200, 0), leaves_s=40, verdict=Verdict.INCORRECT),
    Walker(enters_s=13, start=(600, 200), speed=(10, 60), leaves_s=40, verdict=Verdict.MASK),
)


@dataclass
class Rows:
    """A database in memory that holds what the recorder committed."""

    passages: list[Passage] = field(default_factory=list)
    minutes: dict[datetime, Facts] = field(default_factory=dict)
    stored: StoredState | None = None
    recordings: dict[str, CountedRecording] = field(default_factory=dict)

    def commit(self, counted: Counted) -> None:
        assert counted.stored.version == (self.stored.version if self.stored else 0)
        self.passages += counted.passages
        for minute, facts in counted.minutes.items():
            self.minutes.setdefault(minute, Facts()).add(facts)
        self.recordings.update({each.recording: each for each in counted.recordings})
        # Through JSON, as the real column.
        state = json.loads(json.dumps(counted.stored.state))
        self.stored = replace(counted.stored, state=state, version=counted.stored.version + 1)

    def verdicts(self) -> Counter[Verdict]:
        return Counter(passage.verdict for passage in self.passages)

    def compared(self) -> Any:
        minutes = {minute: facts.columns() for minute, facts in self.minutes.items()}
        return sorted(self.passages, key=lambda each: each.track), minutes


def record(
    log: Sequence[Entry],
    *,
    batch: int = 7,
    crash_after: frozenset[int] = frozenset(),
    rows: Rows | None = None,
    ends_s: float = 1000.0,
) -> Rows:
    """Read a log in batches; after the numbered steps, lose the memory before the commit."""
    rows = rows or Rows()
    step = 0
    crashed: set[int] = set()
    recorder = None
    while True:
        if recorder is None:
            recorder = CameraRecorder("a", RecorderSettings(), server_id="s", stored=rows.stored)
        behind = position(recorder.read_position)
        entries = [entry for entry in log if position(entry.stream_id) > behind][:batch]
        for entry in entries:
            recorder.put(entry, arrived_s=position(entry.stream_id)[0] / 1000)
        now_s = position(entries[-1].stream_id)[0] / 1000 if entries else ends_s
        counted = recorder.take(now_s)
        step += 1
        if step in crash_after and step not in crashed:
            crashed.add(step)
            recorder = None
            continue
        if counted is not None:
            rows.commit(counted)
        if not entries:
            return rows


def total_of(rows: Rows) -> Facts:
    total = Facts()
    for facts in rows.minutes.values():
        total.add(facts)
    return total
