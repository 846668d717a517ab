"""The floor: what decoding and the bare networks cost alone, with no pipeline around them."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

from maskwatch.config import WorkerSettings
from maskwatch.geometry import Box
from models.registry import Detector, load_classifier, load_detector

_FRAMES: Final = 60


def measure_floor(film: Path, settings: WorkerSettings, *, fps: float) -> dict[str, Any]:
    """Processor milliseconds of the bare work on a film's pictures.

    Args:
        film: H.264 file as the cameras play it.
        settings: Networks and device.
        fps: Analysed rate; each analysed frame pays for decoding those between, too.

    Returns:
        Milliseconds of processor time for decoding one frame, finding faces in one picture and
        reading one face; and of all of them for one analysed frame.
    """
    decode_ms, film_fps, pictures = _decode(film, fps=fps)
    detector = load_detector(settings)
    detector.detect(pictures[:1], long_side=settings.detect_long_side)
    detect_ms, boxes = _detect(detector, pictures, settings)
    classifier = load_classifier(settings)
    classifier.warm_up()
    faces = sum(map(len, boxes))
    begun = time.process_time()
    classifier.read(pictures, boxes)
    classify_ms = (time.process_time() - begun) * 1000
    per_frame = decode_ms * film_fps / fps + detect_ms + classify_ms / len(pictures)
    return {
        "decode_ms_per_frame": round(decode_ms, 2),
        "decoded_per_analysed": round(film_fps / fps, 2),
        "detect_ms_per_picture": round(detect_ms, 2),
        "classify_ms_per_face": round(classify_ms / faces, 2) if faces else None,
        "faces_per_picture": round(faces / len(pictures), 2),
        "cpu_s_per_analysed_frame": round(per_frame / 1000, 4),
    }


def _decode(film: Path, *, fps: float) -> tuple[float, float, list[NDArray[np.uint8]]]:
    """Milliseconds to decode one frame, the film's rate, and pictures at the analysed rate."""
    pictures: list[NDArray[np.uint8]] = []
    spent = 0.0
    count = 0
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        film_fps = float(stream.average_rate or 25)
        step = max(1, round(film_fps / fps))
        begun = time.process_time()
        for frame in container.decode(stream):
            spent += time.process_time() - begun
            if count % step == 0 and len(pictures) < _FRAMES:
                pictures.append(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))
            count += 1
            begun = time.process_time()
    return spent / max(1, count) * 1000, film_fps, pictures


def _detect(
    detector: Detector, pictures: Sequence[NDArray[np.uint8]], settings: WorkerSettings
) -> tuple[float, list[list[Box]]]:
    boxes = []
    begun = time.process_time()
    for picture in pictures:
        found = detector.detect([picture], long_side=settings.detect_long_side)[0]
        boxes.append([detection.box for detection in found])
    return (time.process_time() - begun) * 1000 / len(pictures), boxes
