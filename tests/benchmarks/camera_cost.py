"""What a camera's process spends on a picture, by stage, in milliseconds of processor time.

    python -m tests.benchmarks.camera_cost [--film FILE] [--json FILE]

Prints the table of docs/performance.md. Without a film, one of the bench's is made: 1280x720,
25 pictures a second, H.264 as a camera encodes it.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

import av

from ingest.jpeg import encode_jpeg
from ingest.sanity import SanityCheck
from ingest.source import CapturedFrame
from maskwatch.config import IngestSettings
from maskwatch.simulator.film import LIKE_A_CAMERA, make_film
from maskwatch.simulator.scene import SceneSettings

_Result = TypeVar("_Result")

ROUNDS: Final = 5
PICTURES: Final = 100
"""So many are decoded in a round, and every fifth is kept, as at 5 pictures a second."""


def measure(film: Path) -> dict[str, float]:
    """Stage to milliseconds a picture, the median of the rounds."""
    rounds = [_round(film) for _ in range(ROUNDS)]
    return {name: sorted(each[name] for each in rounds)[ROUNDS // 2] for name in rounds[0]}


def _round(film: Path) -> dict[str, float]:
    settings = IngestSettings()
    sanity = SanityCheck()
    spent: Counter[str] = Counter()
    decoded = kept = 0
    # One picture after the other, as the process does it: nothing is kept, memory is used again.
    for number, frame in enumerate(_decoded(film, spent)):
        decoded += 1
        if number % 5:
            continue
        kept += 1
        captured = CapturedFrame(frame, number / 25, number / 25, number / 25)
        bgr = _timed(
            spent, "convert to BGR", lambda it=captured: it.to_bgr(max_width=settings.max_width)
        )
        _timed(
            spent,
            "check for unfit pictures",
            lambda it=captured, bgr=bgr: sanity.judge(it, bgr, time_s=it.media_time_s),
        )
        _timed(spent, "JPEG", lambda bgr=bgr: encode_jpeg(bgr, quality=settings.jpeg_quality))
    return {
        name: each * 1000 / (decoded if name == "decode" else kept) for name, each in spent.items()
    }


def _decoded(film: Path, spent: Counter[str]) -> Iterator[av.VideoFrame]:
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        frames = container.decode(stream)
        for _ in range(PICTURES):
            frame = _timed(spent, "decode", lambda: next(frames, None))
            if frame is None:
                return
            yield frame


def _timed(spent: Counter[str], stage: str, work: Callable[[], _Result]) -> _Result:
    begun = time.process_time()
    done = work()
    spent[stage] += time.process_time() - begun
    return done


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a Markdown table and write the figures where they are wanted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--film", type=Path)
    parser.add_argument("--json", type=Path)
    wish = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        scene = SceneSettings(seed=7, fps=25.0, duration_s=PICTURES / 25)
        film = wish.film or make_film(Path(folder), scene, encoding=LIKE_A_CAMERA).path
        figures = measure(film)
    print("| stage | ms a picture |\n|---|---|")  # noqa: T201 - what it is for
    for name, each in figures.items():
        print(f"| {name} | {each:.2f} |")  # noqa: T201
    if wish.json:
        wish.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
