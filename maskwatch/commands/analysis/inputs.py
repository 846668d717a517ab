"""Which files the user means, and whether each is a picture or a video."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from maskwatch.errors import MediaError

PICTURE_SUFFIXES: Final = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
)
VIDEO_SUFFIXES: Final = frozenset(
    {
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts"),
        *(".m2ts", ".flv", ".wmv", ".3gp", ".ogv", ".h264", ".264", ".hevc", ".265", ".mjpeg"),
    }
)
_HEAD_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Input:
    """One file to analyse.

    Attributes:
        source: The path as the user gave it; for a file of a folder, the folder as given and the
            way from there.
        relative: Where its annotated copy belongs, under the output folder.
        error: Why it cannot be analysed; "" where nothing is wrong so far.
    """

    source: str
    relative: str
    error: str = ""


def expand(paths: Sequence[str]) -> Iterator[Input]:
    """Name every file, folders with all below them in alphabetical order.

    Of a folder only files with the suffix of a picture or video are taken; a file that is named by
    itself is taken whatever its name.
    """
    for path in paths:
        if os.path.isdir(path):
            yield from _below(path)
        elif os.path.exists(path):
            # A pipe would be waited for, perhaps for ever.
            error = "" if os.path.isfile(path) else "a pipe or a device; give a file"
            yield Input(path, os.path.basename(path), error)
        else:
            yield Input(path, os.path.basename(path), "no such file; check its spelling")


def is_picture(source: str) -> bool:
    """Say whether a file is a picture, by its first bytes; anything else is opened as a video.

    Raises:
        MediaError: The file cannot be read, or it is empty.
    """
    try:
        with Path(source).open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise MediaError(f"{source}: cannot be read ({error.strerror})") from error
    if not head:
        raise MediaError(f"{source}: the file is empty (0 bytes); copy or download it again")
    return (
        head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n", b"BM", b"II*\0", b"MM\0*", b"GIF8"))
        or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")
        # A damaged picture is told as one, not as a video without a picture.
        or Path(source).suffix.lower() in PICTURE_SUFFIXES
    )


def _below(folder: str) -> Iterator[Input]:
    is_empty = True
    inner = os.path.basename(os.path.normpath(folder))
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            if Path(name).suffix.lower() in PICTURE_SUFFIXES | VIDEO_SUFFIXES:
                is_empty = False
                source = os.path.join(parent, name)
                relative = os.path.join(inner, os.path.relpath(source, folder))
                yield Input(source, os.path.normpath(relative))
    if is_empty:
        yield Input(folder, inner, "no pictures or videos in this folder")
