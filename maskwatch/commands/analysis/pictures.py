"""Analysing pictures: read ahead on threads, in batches."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import TaskID

from ingest.picture_file import read_picture
from maskwatch.commands.analysis.ahead import mapped_ahead
from maskwatch.commands.analysis.copies import CopyFolder, write_picture
from maskwatch.commands.analysis.inputs import Input
from maskwatch.commands.analysis.options import MAX_PIXELS_AT_ONCE, Analysis
from maskwatch.contracts import Face
from maskwatch.cores import available_cores
from maskwatch.errors import MediaError
from workers.annotate import annotate
from workers.footage import frame_line

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Read:
    """One picture file, read."""

    item: Input
    picture: Picture

    @property
    def size(self) -> tuple[int, int]:
        return self.picture.shape[1], self.picture.shape[0]


def analyse_pictures(analysis: Analysis, items: Iterable[Input], task: TaskID) -> None:
    """Analyse picture files in their order; what fails is noted and passed over.

    Args:
        analysis: The run.
        items: The files.
        task: Advanced by one for each file.
    """
    cores = available_cores()
    batch: list[_Read] = []
    for read in mapped_ahead(_read, items, threads=cores, ahead=2 * cores):
        analysis.progress.advance(task)
        if isinstance(read, MediaError):
            analysis.report.fail(str(read))
            continue
        batch.append(read)
        pixels = sum(width * height for width, height in (each.size for each in batch))
        if len(batch) >= analysis.settings.workers.batch_frames or pixels >= MAX_PIXELS_AT_ONCE:
            _analyse(analysis, batch)
            batch = []
    _analyse(analysis, batch)


def _read(item: Input) -> _Read | MediaError:
    try:
        return _Read(item, read_picture(Path(item.source)))
    except MediaError as error:
        return error


def _analyse(analysis: Analysis, batch: Sequence[_Read]) -> None:
    analysed = analysis.picture_analyser.analyse([read.picture for read in batch])
    analysis.report.busy_ms.update(analysed.timings_ms)
    for read, faces in zip(batch, analysed.faces, strict=True):
        if analysis.lines is not None:
            analysis.lines.write(frame_line(read.item.source, faces, size=read.size))
        analysis.report.add_picture(read.item.source, faces, size=read.size)
        if analysis.copies is not None:
            _copy(analysis, analysis.copies, read, faces)


def _copy(analysis: Analysis, copies: CopyFolder, read: _Read, faces: Sequence[Face]) -> None:
    try:
        path = copies.path_for(read.item.source, read.item.relative)
        write_picture(path, annotate(read.picture, faces, blur_faces=analysis.blur_faces))
    except MediaError as error:
        analysis.report.fail(str(error))
