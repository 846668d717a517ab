"""Small made-up pictures and videos for tests: textured, moving, and cheap to make."""

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray


def textured(number: int = 0, *, width: int = 320, height: int = 240) -> NDArray[np.uint8]:
    """BGR of shape (height, width, 3): a fine texture that moves with the number."""
    return np.roll(_texture(width, height), number * 3, axis=1)


@lru_cache(maxsize=8)
def _texture(width: int, height: int) -> NDArray[np.uint8]:
    return np.random.default_rng(7).integers(40, 220, (height, width, 3), dtype=np.uint8)


def smooth(number: int = 0, *, width: int = 320, height: int = 240) -> NDArray[np.uint8]:
    """BGR of shape (height, width, 3): soft waves that move with the number; compresses well."""
    x = np.arange(width)[None, :, None] * 0.05 + number * 0.2
    y = np.arange(height)[:, None, None] * 0.07
    phase = np.array([0.0, 1.0, 2.0])[None, None, :]
    waves: NDArray[np.uint8] = (128 + 90 * np.sin(x + phase) * np.cos(y)).astype(np.uint8)
    return waves


def write_video(
    path: Path,
    *,
    seconds: float = 2.0,
    fps: int = 25,
    width: int = 320,
    height: int = 240,
    codec: str = "libx264",
    key_every: int = 25,
    is_still: bool = False,
    gaps: Mapping[float, float] | None = None,
) -> Path:
    """Write a video of waves that move with each picture; without B-frames, as cameras send.

    Args:
        path: Its suffix decides the container.
        seconds: Length of all pictures together.
        fps: Pictures a second.
        width: Pixels.
        height: Pixels.
        codec: FFmpeg's name of it.
        key_every: Pictures from key frame to key frame.
        is_still: All pictures are the same.
        gaps: Seconds of pictures to the seconds of nothing that follow on them.
    """
    pauses = {round(at_s * fps): round(gap_s * fps) for at_s, gap_s in (gaps or {}).items()}
    stamp = 0
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "bf": "0", "crf": "20"} if codec == "libx264" else {}
        stream = container.add_stream(codec, rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = key_every
        stream.codec_context.thread_count = 1
        for number in range(round(seconds * fps)):
            picture = smooth(0 if is_still else number, width=width, height=height)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            stamp += pauses.get(number, 0)
            frame.pts, frame.time_base = stamp, Fraction(1, fps)
            stamp += 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """Write a file that holds sound and no video."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        for number in range(8):
            samples = np.zeros((1, 1024), dtype=np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 8000, number * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def to_annex_b(video: Path, target: Path) -> Path:
    """Copy an H.264 file into a bare byte stream, as the RTSP server's loop needs it."""
    with av.open(str(video)) as source, av.open(str(target), "w", format="h264") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    return target
