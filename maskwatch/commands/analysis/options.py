"""What the user wants, and where results go: what pictures and videos share."""

from dataclasses import dataclass
from typing import Final

from rich.progress import Progress

from maskwatch.commands.analysis.copies import CopyFolder
from maskwatch.commands.analysis.lines import JsonLines
from maskwatch.commands.analysis.report import Report
from maskwatch.config import Settings
from workers.analyse import Analyser

MAX_PIXELS_AT_ONCE: Final = 24_000_000
"""Of one batch: bounds the memory where the pictures are huge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """One run of the command.

    Attributes:
        analyser: Loaded networks, for video.
        picture_analyser: The same for pictures.
        settings: Batch size, and how looks become passages.
        fps: Analysed frames of a second of video, at most.
        passage_score: Looks below it count for no passage.
        blur_faces: In annotated copies.
        lines: Where JSON goes; None for nowhere.
        copies: Where annotated copies go; None for nowhere.
        progress: The bar.
        report: Collects results and failures.
    """

    analyser: Analyser
    picture_analyser: Analyser
    settings: Settings
    fps: float
    passage_score: float
    blur_faces: bool
    lines: JsonLines | None
    copies: CopyFolder | None
    progress: Progress
    report: Report
