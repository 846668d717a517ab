"""What the results say of a stretch of time: frames, ages, drops, time by stage."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import redis

from maskwatch.bus import ResultLog
from maskwatch.contracts import Analysis, Watch


@dataclass(slots=True)
class Window:
    """The figures of a stretch.

    Attributes:
        seconds: Its length.
        analysed: Frames by camera.
        dropped: Frames pushed out unanalysed, by camera.
        rejected: Frames found unfit, by camera.
        faces: Looks in all frames.
        ages_ms: Age of each frame when its analysis was written.
        stages_ms: Sum of each stage's milliseconds over all frames.
    """

    seconds: float = 0.0
    analysed: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    faces: int = 0
    ages_ms: list[float] = field(default_factory=list)
    stages_ms: Counter[str] = field(default_factory=Counter)

    def take(self, message: Analysis | Watch) -> None:
        """Add one message."""
        if isinstance(message, Watch):
            self.dropped[message.camera] += len(message.dropped_sequences)
            self.rejected[message.camera] += sum(message.rejected.values())
            return
        self.analysed[message.header.camera] += 1
        self.faces += len(message.faces)
        self.ages_ms.append((message.analysed_at_unix_s - message.header.captured_at_unix_s) * 1000)
        for stage, milliseconds in message.timings_ms.items():
            self.stages_ms[stage] += milliseconds  # type: ignore[assignment]  # a sum of floats

    def as_json(self, cameras: Sequence[str]) -> dict[str, Any]:
        """The figures as `bench --json` writes them."""
        analysed, dropped = self.analysed.total(), self.dropped.total()
        rates = {name: round(self.analysed[name] / self.seconds, 2) for name in cameras}
        offered = analysed + dropped
        return {
            "seconds": round(self.seconds, 1),
            "analysed": analysed,
            "fps_analysed": round(sum(rates.values()) / len(rates), 2),
            "fps_analysed_least": min(rates.values()),
            "fps_by_camera": rates,
            "dropped": dropped,
            "dropped_percent": round(100 * dropped / offered, 2) if offered else 0.0,
            "rejected": self.rejected.total(),
            "faces_per_frame": round(self.faces / analysed, 2) if analysed else 0.0,
            "frame_age_ms": {"p50": self._age(50), "p95": self._age(95)},
            "stages_ms": {
                stage: round(total / max(1, analysed), 2)
                for stage, total in sorted(self.stages_ms.items())
            },
        }

    def _age(self, percent: float) -> float | None:
        return round(float(np.percentile(self.ages_ms, percent)), 1) if self.ages_ms else None


def measure(
    client: redis.Redis, cameras: Sequence[str], *, seconds: float, stop: threading.Event
) -> Window:
    """Follow the results of cameras for a time."""
    log = ResultLog(client)
    positions = {name: log.last_position(name) for name in cameras}
    window = Window()
    started = time.monotonic()
    while (left := started + seconds - time.monotonic()) > 0 and not stop.is_set():
        for entry in log.read(positions, count=500, block_ms=max(1, min(200, int(left * 1000)))):
            positions[entry.camera] = entry.stream_id
            window.take(entry.message)
    window.seconds = time.monotonic() - started
    return window
