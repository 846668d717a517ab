"""Films of simulated cameras on disk: H.264 files with their truth beside them, made once."""

import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Final

import av
import cv2
import msgspec

from maskwatch.errors import MediaError
from maskwatch.simulator.scene import Scene, SceneSettings
from maskwatch.simulator.truth import FilmTruth


@dataclass(frozen=True, slots=True)
class Encoding:
    """How x264 encodes: a preset's name and the constant quality (lower is better and larger)."""

    preset: str
    crf: int


QUICK: Final = Encoding("ultrafast", 23)
"""Quick to make: for the demo and for tests."""

LIKE_A_CAMERA: Final = Encoding("superfast", 25)
"""About 3 to 4 Mbit/s at 720p, with the tools that cameras use: as costly to decode as theirs."""


@dataclass(frozen=True, slots=True)
class Film:
    """A film on disk.

    Attributes:
        path: The MP4 file (H.264, yuv420p).
        truth: What it shows.
    """

    path: Path
    truth: FilmTruth


def film_path(folder: Path, settings: SceneSettings, *, encoding: Encoding = QUICK) -> Path:
    """Where the film of these settings lies in a folder of films."""
    facts = [_simulator_digest(), asdict(settings), asdict(encoding)]
    text = msgspec.json.encode(facts, order="sorted")
    digest = hashlib.sha256(text).hexdigest()[:12]
    return folder / f"camera{settings.camera + 1}-seed{settings.seed}-{digest}.mp4"


@lru_cache(maxsize=1)
def _simulator_digest() -> str:
    """Changes with the simulator's code, so that films of older code are not taken for new ones."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def make_film(
    folder: Path,
    settings: SceneSettings,
    *,
    encoding: Encoding = QUICK,
    on_frame: Callable[[int], None] = lambda done: None,
) -> Film:
    """The film of these settings: from the folder where it was made before, else made now.

    Args:
        folder: Where films are kept; made if missing.
        settings: What is filmed.
        encoding: How it is encoded.
        on_frame: Told the number of frames done, for progress.

    Raises:
        MediaError: A package that holds the portraits is missing, or the folder is not writable.
    """
    path = film_path(folder, settings, encoding=encoding)
    truth_path = path.with_suffix(".json")
    if path.is_file() and truth_path.is_file():
        on_frame(settings.frames)
        return Film(path, FilmTruth.load(truth_path))
    scene = Scene(settings)
    truth = scene.truth()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Written under another name first: a film cut short by Ctrl-C is never taken for whole.
        handle, name = tempfile.mkstemp(suffix=".part.mp4", dir=folder)
        os.close(handle)
        part = Path(name)
        try:
            _encode(part, scene, encoding, on_frame)
            truth.save(truth_path)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise MediaError(
            f"film {str(path)!r} cannot be written: {error.strerror or error}; free some space or "
            "choose another data_dir"
        ) from error
    return Film(path, truth)


def _encode(path: Path, scene: Scene, encoding: Encoding, on_frame: Callable[[int], None]) -> None:
    """Write a scene as H.264 in MP4, with a key frame every two seconds."""
    # One thread each: films are made side by side in processes, and the bytes stay the same.
    cv2.setNumThreads(1)
    settings = scene.settings
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream(
            "libx264",
            rate=Fraction(settings.fps).limit_denominator(1001),
            options={"preset": encoding.preset, "crf": str(encoding.crf), "threads": "1"},
        )
        stream.width, stream.height, stream.pix_fmt = settings.width, settings.height, "yuv420p"
        stream.codec_context.gop_size = max(1, round(2 * settings.fps))
        for index, planes in enumerate(scene.frames()):
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts = index
            container.mux(stream.encode(frame))
            on_frame(index + 1)
        container.mux(stream.encode(None))


def repeat_film(source: Path, target: Path, *, times: int) -> None:
    """Write a film that shows another one several times, without encoding again."""
    with av.open(str(target), "w", options={"movflags": "+faststart"}) as output:
        copy = None
        for round_number in range(times):
            with av.open(str(source)) as container:
                stream = container.streams.video[0]
                copy = copy or output.add_stream_from_template(stream)
                shift = round_number * (stream.duration or 0)
                for packet in container.demux(stream):
                    if packet.dts is None or packet.pts is None:
                        continue
                    packet.pts += shift
                    packet.dts += shift
                    packet.stream = copy
                    output.mux(packet)
