"""``metrics.jsonl`` of a run: one JSON object a line, each with its step, in order of the steps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.disk import disk_errors, write_text_whole

METRICS_NAME = "metrics.jsonl"


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Adds a row.

    Raises:
        StorageError: The disk refused.
    """
    with disk_errors(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Returns the rows; empty where there is no file. A line cut short by a kill is left out."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and "step" in row:
            rows.append(row)
    return rows


def cut_back(path: Path, *, step: int) -> None:
    """Drops the rows behind a checkpoint, which the resumed run will write again.

    Args:
        path: The file; it may be absent.
        step: Steps done at the checkpoint; rows up to it stay.

    Raises:
        StorageError: The disk refused; the file is as it was.
    """
    if not path.exists():
        return
    rows = [row for row in read_rows(path) if row["step"] <= step]
    write_text_whole(path, "".join(json.dumps(row) + "\n" for row in rows))
