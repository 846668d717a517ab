"""What a run tells TensorBoard is what TensorBoard reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorboard", reason="needs the extra [train]")

from tests.support.tensorboard import logged
from training.tensorboard_log import TensorboardLog


def test_figures_are_read_back_by_step_also_after_a_resume(tmp_path: Path) -> None:
    TensorboardLog(tmp_path).add(5, {"loss": 0.5, "ap50/mall": 0.25})
    TensorboardLog(tmp_path).add(10, {"loss": 0.125})
    assert logged(tmp_path) == {(5, "loss"): 0.5, (5, "ap50/mall"): 0.25, (10, "loss"): 0.125}


def test_steps_that_a_resume_took_back_are_not_shown_twice(tmp_path: Path) -> None:
    first = TensorboardLog(tmp_path)
    for step, loss in ((50, 0.5), (100, 0.25), (150, 0.125)):
        first.add(step, {"loss": loss})
    resumed = TensorboardLog(tmp_path)  # from the checkpoint of step 75
    resumed.add(100, {"loss": 1.0})
    resumed.add(150, {"loss": 2.0})
    assert losses_shown(tmp_path) == [(50, 0.5), (100, 1.0), (150, 2.0)]


def losses_shown(run: Path) -> list[tuple[int, float]]:
    """The curve as TensorBoard draws it."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars("loss")]


def test_it_needs_neither_tensorflow_nor_pytorch(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; "
        "from training.tensorboard_log import TensorboardLog; "
        f"TensorboardLog(Path({str(tmp_path)!r})).add(1, {{'loss': 1.0}}); "
        "sys.exit(bool({'tensorflow', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
