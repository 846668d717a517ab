"""`maskwatch demo` from the command line: the whole system on simulated cameras."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil


def test_every_simulated_passage_is_counted(tmp_path: Path, film_folder: Path) -> None:
    """Two cameras, real processes; the counts must meet the truth."""
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "films").symlink_to(film_folder)
    out = tmp_path / "out.json"
    done = _maskwatch(
        *("demo", "--cameras", "2", "--seconds", "20", "--no-browser", "--port", "0"),
        *("--json", str(out)),
        data_dir=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    assert "not the accuracy on real people" in done.stderr
    outcome = json.loads(out.read_text())
    assert sum(outcome["truth"].values()) >= 4
    assert [camera["name"] for camera in outcome["cameras"]] == ["entrance", "food-court"]
    for camera in outcome["cameras"]:
        assert camera["captured"] == 300  # every frame of the film: 20 s at 15 a second
        assert camera["failed"] == camera["rejected"] == 0
        for verdict, number in camera["truth"].items():
            assert abs(camera["counted"][verdict] - number) <= 1, (verdict, outcome)
    _assert_nothing_is_left(tmp_path)


def test_a_run_too_short_for_anybody_to_pass_is_wrong_usage(tmp_path: Path) -> None:
    done = _maskwatch("demo", "--seconds", "3", data_dir=tmp_path)

    assert done.returncode == 2
    assert "--seconds" in done.stderr


def test_a_port_that_is_taken_is_said_before_anything_is_filmed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = _maskwatch("demo", "--port", port, "--no-browser", data_dir=tmp_path)

    assert done.returncode == 1
    assert f"web.port = {port}" in done.stderr
    assert not (tmp_path / "demo" / "films").exists()


def _maskwatch(*arguments: str, data_dir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "maskwatch", *arguments],
        env=os.environ | {"MASKWATCH_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def _assert_nothing_is_left(folder: Path) -> None:
    runs = [path.name for path in (folder / "demo").iterdir()]
    assert runs == ["films"]
    ours = [
        process.pid
        for process in psutil.process_iter(["environ"])
        if str(folder) in str((process.info["environ"] or {}).get("MASKWATCH_DATA_DIR", ""))
    ]
    assert ours == []
