"""Analysing a video: decoded ahead, thinned, followed from frame to frame."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.thinning import Thinner
from ingest.video_file import VideoFile
from maskwatch.commands.analysis.ahead import iterated_ahead
from maskwatch.commands.analysis.copies import VideoWriter
from maskwatch.commands.analysis.inputs import Input
from maskwatch.commands.analysis.options import MAX_PIXELS_AT_ONCE, Analysis
from maskwatch.errors import MediaError
from workers.annotate import annotate
from workers.footage import Footage


@dataclass(frozen=True, slots=True)
class _Frame:
    """One frame that is analysed."""

    number: int
    time_s: float
    picture: NDArray[np.uint8]

    @property
    def size(self) -> tuple[int, int]:
        return self.picture.shape[1], self.picture.shape[0]


def analyse_video(analysis: Analysis, item: Input) -> None:
    """Analyse one video; a failure is noted, after what could be read up to there."""
    try:
        with ExitStack() as stack:
            video = stack.enter_context(VideoFile(Path(item.source)))
            writer = None
            if analysis.copies is not None:
                path = analysis.copies.path_for(item.source, item.relative, suffix=".mp4")
                writer = stack.enter_context(VideoWriter(path, fps=analysis.fps))
            _analyse(analysis, item, video, writer)
    except MediaError as error:
        analysis.report.fail(str(error))


def _analyse(analysis: Analysis, item: Input, video: VideoFile, writer: VideoWriter | None) -> None:
    footage = Footage(item.source, analysis.settings.recorder, min_score=analysis.passage_score)
    task = analysis.progress.add_task(item.relative, total=video.info.duration_s)
    pixels = max(1, video.info.width * video.info.height)
    at_once = max(1, min(analysis.settings.workers.batch_frames, MAX_PIXELS_AT_ONCE // pixels))
    frames = iterated_ahead(_chosen(video, analysis.fps), ahead=at_once)
    count, size = 0, (0, 0)
    try:
        with closing(frames):
            for batch in _batches(frames, at_once):
                _take(analysis, footage, batch, writer)
                count, size = count + len(batch), batch[-1].size
                analysis.progress.update(task, completed=batch[-1].time_s)
    finally:
        analysis.progress.remove_task(task)
        if count:
            summary = footage.finish()
            if analysis.lines is not None:
                analysis.lines.write(summary)
            shape = f"{size[0]}x{size[1]}"
            analysis.report.add_video(item.source, summary, frames=count, size=shape)


def _take(
    analysis: Analysis, footage: Footage, batch: list[_Frame], writer: VideoWriter | None
) -> None:
    analysed = analysis.analyser.analyse([frame.picture for frame in batch])
    analysis.report.busy_ms.update(analysed.timings_ms)
    for frame, faces in zip(batch, analysed.faces, strict=True):
        line = footage.add(faces, size=frame.size, frame=frame.number, time_s=frame.time_s)
        if analysis.lines is not None:
            analysis.lines.write(line)
        if writer is not None:
            drawn = annotate(frame.picture, faces, blur_faces=analysis.blur_faces)
            writer.add(drawn, time_s=frame.time_s)


def _chosen(video: VideoFile, fps: float) -> Iterator[_Frame]:
    """The frames to analyse, converted; the others never are."""
    thinner = Thinner(fps, source_fps=video.info.fps)
    for number, captured in enumerate(video):
        if thinner.is_due(captured.media_time_s):
            yield _Frame(number, captured.media_time_s, captured.to_bgr())


def _batches(frames: Iterable[_Frame], count: int) -> Iterator[list[_Frame]]:
    """Groups of `count`; what came before a failure is given before it is raised."""
    batch: list[_Frame] = []
    try:
        for frame in frames:
            batch.append(frame)
            if len(batch) == count:
                yield batch
                batch = []
    except MediaError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch
