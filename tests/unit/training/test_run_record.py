"""A run's folder says what it was made from, and belongs to one set of pictures."""

import json
from pathlib import Path

import pytest
from pydantic import BaseModel

pytest.importorskip("keras", reason="needs the extra [train]")

from maskwatch.errors import ConfigError
from training.run_record import write_run_record


class Recipe(BaseModel):
    steps: int = 3


def test_recipe_data_and_versions_are_kept(tmp_path: Path) -> None:
    write_run_record(tmp_path, Recipe(), {"data_sha256": "a", "left_out": 2})
    assert json.loads((tmp_path / "recipe.json").read_text()) == {"steps": 3}
    kept = json.loads((tmp_path / "run.json").read_text())
    assert kept["data_sha256"] == "a"
    assert kept["left_out"] == 2
    assert {"python", "keras"} <= set(kept)


def test_a_run_on_other_data_is_refused_and_nothing_of_it_changed(tmp_path: Path) -> None:
    write_run_record(tmp_path, Recipe(), {"data_sha256": "a"})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ConfigError, match="other pictures or labels; give the same --data"):
        write_run_record(tmp_path, Recipe(steps=9), {"data_sha256": "b"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
