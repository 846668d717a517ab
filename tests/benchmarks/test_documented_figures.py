"""The figures in the documents are made by commands that work, and still come out as they stand."""

import json
import re
from pathlib import Path

import pytest

from maskwatch.simulator.film import Film
from tests.benchmarks import camera_cost, counting_error

DOCS = Path(__file__).parents[2] / "docs"


def test_the_counting_error_is_as_documented() -> None:
    text = (DOCS / "tracking.md").read_text(encoding="utf-8")
    error = counting_error.our_error(fps=5, people_a_minute=10)

    assert re.search(rf"^\| 5 \| {100 * error:.1f} % \|", text, re.MULTILINE)


def test_trackers_are_compared_in_the_same_world() -> None:
    error = counting_error.mean_error(
        counting_error.ours, fps=5, people=20, seconds=100, seeds=range(4)
    )
    text = (DOCS / "tracking.md").read_text(encoding="utf-8")
    assert f"| **ours** | {100 * error:.1f} % |" in text


def test_the_cost_of_a_cameras_process_is_measured_by_stage(
    tmp_path: Path, tiny_film: Film, capsys: pytest.CaptureFixture[str]
) -> None:
    camera_cost.main(["--film", str(tiny_film.path), "--json", str(tmp_path / "cost.json")])

    figures = json.loads((tmp_path / "cost.json").read_text())
    assert figures["decode"] > 0
    text, printed = (DOCS / "performance.md").read_text(encoding="utf-8"), capsys.readouterr().out
    for stage in figures:
        assert f"| {stage} |" in text
        assert f"| {stage} |" in printed
