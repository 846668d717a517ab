"""What a run was made from, kept in its folder: ``recipe.json`` and ``run.json``."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from maskwatch.errors import ConfigError
from training.disk import write_text_whole

OTHER_DATA = (
    "{}: its run was started on other pictures or labels; give the same --data, or another --out"
)


def write_run_record(
    folder: Path, recipe: BaseModel, record: Mapping[str, Any], *, other_data: str = OTHER_DATA
) -> None:
    """Writes both files; the versions of Python and Keras are added to the record.

    Args:
        folder: Of the run.
        recipe: Its settings.
        record: What else to keep; ``data_sha256`` among it.
        other_data: What to say, with a place for the folder, where a run is there on other data.

    Raises:
        ConfigError: The folder holds a run on other data; nothing is changed in it.
        StorageError: The disk refused a file.
    """
    path = folder / "run.json"
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        if before["data_sha256"] != record["data_sha256"]:
            raise ConfigError(other_data.format(folder))
    write_text_whole(folder / "recipe.json", recipe.model_dump_json(indent=1))
    whole = {**record, "python": platform.python_version(), "keras": version("keras")}
    write_text_whole(path, json.dumps(whole, indent=1))
