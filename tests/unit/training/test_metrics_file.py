"""A resumed run takes its figures up where its checkpoint is."""

import json
from pathlib import Path

import pytest

from maskwatch.errors import StorageError
from tests.support.full_disk import refuse
from training.metrics_file import append_row, cut_back, read_rows


def test_rows_behind_the_checkpoint_are_dropped_and_the_others_kept(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    for step in (50, 100, 150):
        append_row(path, {"step": step, "loss": 1 / step})
    cut_back(path, step=100)
    assert read_rows(path) == [{"step": 50, "loss": 0.02}, {"step": 100, "loss": 0.01}]
    append_row(path, {"step": 150, "loss": 0.5})
    assert [row["step"] for row in read_rows(path)] == [50, 100, 150]


@pytest.mark.parametrize("cut", [b'{"step": 150, "lo', b'{"step": 150, "name": "f\xc3', b"150"])
def test_a_line_that_a_kill_cut_short_is_dropped(tmp_path: Path, cut: bytes) -> None:
    path = tmp_path / "metrics.jsonl"
    append_row(path, {"step": 100})
    with path.open("ab") as file:
        file.write(cut)
    assert read_rows(path) == [{"step": 100}]
    cut_back(path, step=200)
    append_row(path, {"step": 150})
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [100, 150]


def test_figures_that_are_no_numbers_stay_so(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    append_row(path, {"step": 1, "f1": float("nan")})
    before = path.read_text()
    cut_back(path, step=1)
    assert path.read_text() == before


def test_a_run_without_figures_has_nothing_to_cut(tmp_path: Path) -> None:
    cut_back(tmp_path / "metrics.jsonl", step=0)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_figures_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    append_row(path, {"step": 1})
    with pytest.MonkeyPatch.context() as patch:
        refuse(patch, "metrics.jsonl")
        with pytest.raises(StorageError, match="free some space"):
            cut_back(path, step=0)
        with pytest.raises(StorageError, match="free some space"):
            append_row(path, {"step": 2})
    assert read_rows(path) == [{"step": 1}]
