"""Files whole or not there at all; a disk that refuses one is told in one line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.errors import StorageError


@contextmanager
def disk_errors(path: Path, *, also: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Wraps the writing of a file or folder.

    Args:
        path: What is written, for the message.
        also: What else the writing code raises on a full disk, beside OSError.

    Raises:
        StorageError: The disk is full or may not be written.
    """
    refused: tuple[type[Exception], ...] = (OSError, *also)
    try:
        yield
    except refused as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise StorageError(
            f"{path}: cannot be written ({reason}); free some space, or allow writing there, and "
            "start the same command again (a training goes on from its last checkpoint)"
        ) from error


@contextmanager
def written_whole(path: Path, *, also: tuple[type[Exception], ...] = ()) -> Iterator[Path]:
    """Gives a path to write to, which takes the place of `path` once it is whole and on the disk.

    Until then, and after any failure, what was at `path` stays as it was.

    Args:
        path: The file to be; its folder exists.
        also: See `disk_errors`.

    Raises:
        StorageError: The disk is full or may not be written.
    """
    # Keras, NumPy and matplotlib know a format by its ending, so the unfinished file has it too.
    partial = path.with_name(f"partial-{path.name}")
    try:
        with disk_errors(path, also=also):
            yield partial
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            partial.replace(path)
    except BaseException:
        # On a full disk half a file is in the way of the next try.
        partial.unlink(missing_ok=True)
        raise


def write_text_whole(path: Path, text: str) -> None:
    """Writes a text in UTF-8; see `written_whole`."""
    with written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_picture_whole(path: Path, picture: NDArray[np.uint8]) -> None:
    """Writes a BGR picture (H, W, 3) in the format of the path's ending; see `written_whole`."""
    # OpenCV's own writer says of a full disk no more than that it failed.
    _, encoded = cv2.imencode(path.suffix, picture)
    with written_whole(path) as partial:
        partial.write_bytes(encoded.tobytes())


def make_folder(path: Path) -> None:
    """Makes a folder and those above it where they are missing.

    Raises:
        StorageError: The disk is full or may not be written.
    """
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
