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


def test_it_needs_neither_tensorflow_nor_pytorch(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; "
        "from training.tensorboard_log import TensorboardLog; "
        f"TensorboardLog(Path({str(tmp_path)!r})).add(1, {{'loss': 1.0}}); "
        "sys.exit(bool({'tensorflow', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
