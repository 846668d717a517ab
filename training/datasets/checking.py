"""What an index holds, and whether its split leaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.datasets.hashing import near_pairs
from training.datasets.importing import picture_hashes
from training.datasets.index import LabelledPicture

HEIGHT_BANDS_PX = ((0, 8), (8, 16), (16, 24), (24, 32), (32, 64), (64, 100_000))
_REFERENCE_SIDE_PX = 640
_SAME_PICTURE_BITS = 6


@dataclass(frozen=True, slots=True)
class Leak:
    """Two pictures that look the same on two sides of a split."""

    first: str
    second: str
    splits: tuple[str, str]


def find_leaks(folder: Path, pictures: Sequence[LabelledPicture]) -> list[Leak]:
    """Returns pairs that share a group, or nearly a perceptual hash, across a split."""
    hashes = picture_hashes(folder, pictures)
    pairs = {
        (int(first), int(second))
        for first, second in near_pairs(hashes, hashes, max_bits=_SAME_PICTURE_BITS)
        if first < second
    }
    seen: dict[tuple[str, str], int] = {}
    for place, picture in enumerate(pictures):
        first = seen.setdefault((picture.source, picture.group), place)
        if first != place:
            pairs.add((first, place))
    return [
        Leak(pictures[one].file, pictures[other].file, (pictures[one].split, pictures[other].split))
        for one, other in sorted(pairs)
        if pictures[one].split != pictures[other].split
    ]


def count_by_split_and_class(pictures: Sequence[LabelledPicture]) -> Counter[tuple[str, str]]:
    """Returns faces by (split, label)."""
    return Counter((picture.split, face.label) for picture in pictures for face in picture.boxes)


def count_by_height_and_class(pictures: Sequence[LabelledPicture]) -> Counter[tuple[str, str]]:
    """Returns faces by (height band, label); heights as in pictures 640 px on the long side."""
    counts: Counter[tuple[str, str]] = Counter()
    for picture in pictures:
        scale = _REFERENCE_SIDE_PX / max(picture.width, picture.height)
        for face in picture.boxes:
            counts[height_band(face.box.height * scale), face.label] += 1
    return counts


def height_band(height_px: float) -> str:
    """Returns the name of the band a face height lies in, such as ``24-32``."""
    for low, high in HEIGHT_BANDS_PX:
        if low <= height_px < high:
            return band_name(low, high)
    return band_name(*HEIGHT_BANDS_PX[-1])


def band_name(low: int, high: int) -> str:
    """Returns the name of a band of `HEIGHT_BANDS_PX`."""
    return f"{low}+" if high == HEIGHT_BANDS_PX[-1][1] else f"{low}-{high}"
