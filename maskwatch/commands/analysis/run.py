"""Going through the files: pictures in batches, videos one by one, failures named."""

import itertools
from collections.abc import Sequence

from maskwatch.commands.analysis.inputs import Input, is_picture
from maskwatch.commands.analysis.options import Analysis
from maskwatch.commands.analysis.pictures import analyse_pictures
from maskwatch.commands.analysis.videos import analyse_video
from maskwatch.errors import MediaError

_PICTURE, _VIDEO, _NEITHER = "picture", "video", "neither"


def analyse_files(analysis: Analysis, inputs: Sequence[Input]) -> None:
    """Analyse every file in order; what fails is noted in the report and passed over."""
    task = analysis.progress.add_task("files", total=len(inputs))

    def kind(item: Input) -> str:
        if item.error:
            analysis.report.fail(f"{item.source}: {item.error}")
            return _NEITHER
        try:
            return _PICTURE if is_picture(item.source) else _VIDEO
        except MediaError as error:
            analysis.report.fail(str(error))
            return _NEITHER

    for found, group in itertools.groupby(inputs, key=kind):
        if found == _PICTURE:
            analyse_pictures(analysis, group, task)
            continue
        for item in group:
            if found == _VIDEO:
                analyse_video(analysis, item)
            analysis.progress.advance(task)
