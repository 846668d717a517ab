"""Made-up scenes that a detector learns from in a few steps."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np


def made_up_data(folder: Path) -> Path:
    """Writes twenty pictures of bright squares, in every split, and returns their folder."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    lines = []
    for index in range(20):
        picture = rng.integers(0, 60, (64, 64, 3)).astype(np.uint8)
        x, y = (int(value) for value in rng.integers(4, 30, 2))
        picture[y : y + 24, x : x + 20] = 220
        cv2.imwrite(str(folder / f"{index}.png"), picture)
        boxes = [[x, y, x + 20, y + 24, "mask"]]
        scene = {"file": f"{index}.png", "source": "made", "group": index, "width": 64}
        lines.append(json.dumps(scene | {"height": 64, "boxes": boxes}))
    (folder / "labels.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder
