from dataclasses import replace
from pathlib import Path
from typing import Any

from ingest.replay_camera import ReplayCamera
from maskwatch.config import IngestSettings
from maskwatch.contracts import Camera, FrameHeader, Watch
from maskwatch.errors import SourceError, StorageError
from maskwatch.replay_epoch import recording_of
from maskwatch.storage.recorder_state import RecorderPosition
from maskwatch.storage.recordings import CountedRecording, ReplayProgress
from tests.unit.ingest.fakes import FakeBus, FakeSource

PICTURES = 130
"""5.2 s at 25 a second."""


class Rig:
    """A replay on fakes; the test plays the recorder with `counted`."""

    def __init__(self, tmp_path: Path, *, bad: frozenset[int] = frozenset()) -> None:
        self.path = tmp_path / "film.mp4"
        self.path.write_bytes(b"film")
        self.bus = FakeBus()
        self.position: RecorderPosition | None = None
        self.progress_error: StorageError | None = None
        self.recordings: dict[str, CountedRecording] = {}
        self.bad = bad
        self.sources: list[FakeSource] = []
        self.source_error: SourceError | None = None
        self.reading_error: SourceError | None = None
        self.readable = PICTURES
        self.now_s = 0.0
        self.camera = self.make()

    def make(self, **changes: Any) -> ReplayCamera:
        camera = Camera(
            name="door",
            url=str(self.path),
            fps=5.0,
            is_replay=True,
            revision=2,
            replay_start_unix_s=5000.0,
        )
        camera = replace(camera, **changes)
        return ReplayCamera(
            camera,
            IngestSettings(),
            bus=self.bus,
            open_source=self._open,
            progress=self._progress,
        )

    def _open(self) -> FakeSource:
        if self.source_error is not None:
            raise self.source_error
        times = [number / 25 for number in range(PICTURES)]
        source = FakeSource(self.readable, times=times, bad=self.bad, error=self.reading_error)
        self.sources.append(source)
        return self.sources[-1]

    def _progress(self, recording: str) -> ReplayProgress:
        if self.progress_error is not None:
            raise self.progress_error
        counted = self.recordings.get(recording, CountedRecording(recording=recording))
        return ReplayProgress(position=self.position, counted=counted)

    def steps(self, count: int) -> None:
        for _ in range(count):
            if not self.camera.is_over:
                self.now_s += max(self.camera.step(self.now_s, 9000.0 + self.now_s), 0.001)

    def counted(self, sequence: int, tick: int, *, is_finished: bool = False) -> None:
        """The recorder has counted up to there of the epoch that was sent last."""
        epoch = self.bus.watches[-1].epoch
        watch = next(each for each in self.bus.watches if (each.epoch, each.tick) == (epoch, tick))
        recording = recording_of(epoch)
        self.recordings[recording] = CountedRecording(
            recording=recording, until_s=watch.media_until_s, ended=watch.recording_end
        )
        self.position = RecorderPosition(
            epoch=epoch,
            last_sequence=sequence,
            last_tick=tick,
            results_stream_id="1-0",
            redis_server_id=self.bus.run_id,
            is_finished=is_finished,
        )


def whole(tmp_path: Path) -> tuple[list[FrameHeader], list[Watch]]:
    rig = Rig(tmp_path)
    rig.steps(400)
    return unstamped(rig.bus.offered), rig.bus.watches


def unstamped(headers: list[FrameHeader]) -> list[FrameHeader]:
    """The headers without the moment of sending, the one thing that may differ."""
    assert all(header.offered_at_unix_s >= 9000.0 for header in headers)
    return [replace(header, offered_at_unix_s=0.0) for header in headers]
