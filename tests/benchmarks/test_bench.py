"""`maskwatch bench` measures what it says, on the real system."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def _bench(tmp_path: Path, *arguments: str) -> Any:
    out = tmp_path / "bench.json"
    done = subprocess.run(
        [sys.executable, "-m", "maskwatch", "bench", *arguments, "--json", str(out)],
        env=os.environ | {"MASKWATCH_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())


@pytest.mark.timeout(300)  # it draws its films first, which a busy machine takes minutes for
def test_the_bench_says_how_fast_how_late_and_where_the_time_goes(
    tmp_path: Path, film_folder: Path
) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "films").symlink_to(film_folder)

    figures = _bench(tmp_path, "--cameras", "1", "--seconds", "4", "--fps", "5")

    assert figures["fps"] == 5.0
    (run,) = figures["runs"]
    assert run["cameras"] == 1
    assert run["analysed"] > 0
    assert run["fps_analysed"] > 0
    assert run["frame_age_ms"]["p50"] <= run["frame_age_ms"]["p95"]
    spent = run["cpu_s_per_analysed_frame"]
    assert set(spent) == {"ingest", "jobs", "record", "redis", "total", "web", "work"}
    assert spent["ingest"] > 0
    assert spent["work"] > 0
    assert {"decode", "detect", "classify"} <= set(run["stages_ms"])
    floor = figures["floor"]
    assert floor["decoded_per_analysed"] == 5.0
    assert 0 < floor["cpu_s_per_analysed_frame"] < 1
    assert floor["decode_ms_per_frame"] > 0
