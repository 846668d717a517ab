"""What a run of the thesis's pipeline was made from: settings, pictures, versions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from models.card import file_sha256
from training.datasets.folders import FolderPicture
from training.run_record import write_run_record

if TYPE_CHECKING:
    from training.vgg19.train import Vgg19Options

_OTHER_DATA = (
    "{}: its run was started on other pictures or another split; "
    "give the same --data and --split, or another --out"
)


def pictures_hash(folder: Path, pictures: Sequence[FolderPicture]) -> str:
    """Returns a SHA-256 over names, labels, splits and bytes of pictures below a folder."""
    digest = hashlib.sha256()
    for item in pictures:
        name = item.path.relative_to(folder).as_posix()
        digest.update(f"{name} {item.label} {item.split} {file_sha256(item.path)}\n".encode())
    return digest.hexdigest()


def write_record(options: Vgg19Options, data_sha256: str) -> None:
    """Writes ``recipe.json`` and ``run.json`` into the run's folder.

    Raises:
        ConfigError: The folder holds a run on other pictures, or on another split of them.
    """
    record = {
        "data": str(options.data),
        "split": "original" if options.keeps_split else "group",
        "data_sha256": data_sha256,
        "start": str(options.weights) if options.weights else None,
    }
    write_run_record(options.folder, options.recipe, record, other_data=_OTHER_DATA)
