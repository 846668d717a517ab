"""What the bench is made of: its figures, and its numbers of cameras."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from maskwatch.commands.bench import bench
from maskwatch.commands.bench.processor_time import ProcessorTime
from maskwatch.commands.bench.window import Window
from maskwatch.contracts import Analysis, CameraState, Face, FrameHeader, Verdict, Watch
from maskwatch.geometry import Box


def _analysis(camera: str, *, captured_at: float, analysed_at: float) -> Analysis:
    header = FrameHeader(
        camera=camera,
        epoch="1",
        sequence=0,
        captured_at_unix_s=captured_at,
        media_time_s=0.0,
        width=1280,
        height=720,
    )
    face = Face(box=Box(0, 0, 10, 10), score=0.9, label=Verdict.MASK, probabilities={}, quality=1.0)
    return Analysis(
        header=header,
        faces=(face,),
        timings_ms={"detect": 8.0, "decode": 2.0},
        analysed_at_unix_s=analysed_at,
        worker="w",
    )


def _watch(camera: str, *, dropped: tuple[int, ...]) -> Watch:
    return Watch(
        camera=camera,
        epoch="1",
        tick=0,
        from_unix_s=0.0,
        until_unix_s=1.0,
        state=CameraState.LIVE,
        dropped_sequences=dropped,
        rejected={"dark": 1},
    )


def test_figures_follow_from_the_messages() -> None:
    window = Window(seconds=2.0)
    for age in (0.1, 0.2, 0.3):
        window.take(_analysis("a", captured_at=100.0, analysed_at=100.0 + age))
    window.take(_analysis("b", captured_at=100.0, analysed_at=100.4))
    window.take(_watch("b", dropped=(7,)))

    figures = window.as_json(["a", "b"])

    assert figures["fps_by_camera"] == {"a": 1.5, "b": 0.5}
    assert (figures["fps_analysed"], figures["fps_analysed_least"]) == (1.0, 0.5)
    assert (figures["dropped"], figures["dropped_percent"]) == (1, 20.0)
    assert figures["rejected"] == 1
    assert figures["faces_per_frame"] == 1.0
    assert figures["frame_age_ms"]["p50"] == pytest.approx(250.0)
    assert figures["stages_ms"] == {"decode": 2.0, "detect": 8.0}


def test_a_camera_without_a_frame_is_seen_as_the_least() -> None:
    window = Window(seconds=2.0)
    window.take(_analysis("a", captured_at=0.0, analysed_at=0.1))

    assert window.as_json(["a", "silent"])["fps_analysed_least"] == 0.0


def test_nothing_measured_is_no_age_and_no_division_by_nought() -> None:
    figures = Window(seconds=1.0).as_json(["a"])

    assert figures["frame_age_ms"] == {"p50": None, "p95": None}
    assert figures["dropped_percent"] == 0.0


def test_processor_time_is_counted_for_a_role_with_its_children() -> None:
    busy = "s = 0\nfor i in range(4_000_000): s += i\n"
    code = (
        f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', '''{busy}input()'''],"
        " stdin=0)\nprint('ready', flush=True)\ninput()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        spent = ProcessorTime({"work-1": process.pid})
        while spent.since_start()["work"] < 0.05:
            assert process.poll() is None
        assert list(spent.since_start()) == ["work"]
    finally:
        process.communicate("\n\n", timeout=10)


@pytest.mark.parametrize("numbers", ["", "1,x", "0", "1,65", "-2"])
def test_numbers_of_cameras_that_make_no_sense_are_wrong_usage(numbers: str) -> None:
    result = CliRunner().invoke(bench, ["--cameras", numbers])

    assert result.exit_code == 2
    assert "--cameras" in result.output
