"""Several workers on several GPUs: each has its own."""

import os
from pathlib import Path

import pytest

from maskwatch.config import Settings
from workers.gpus import gpu_of, visible_gpus
from workers.main import _Slot


def test_the_variable_goes_before_what_the_driver_lists(tmp_path: Path) -> None:
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / name).mkdir()
    assert visible_gpus({}, tmp_path) == ["0", "1"]
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "3, GPU-ab"}, tmp_path) == ["3", "GPU-ab"]
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": ""}, tmp_path) == []
    assert visible_gpus({}, tmp_path / "none") == []


def test_workers_take_the_gpus_in_turn() -> None:
    got = [gpu_of(number, ["2", "5"]).get("CUDA_VISIBLE_DEVICES") for number in (1, 2, 3)]
    assert got == ["2", "5", "2"]
    assert gpu_of(1, []) == {}


@pytest.mark.parametrize(("device", "seen"), [("gpu", "5"), ("cpu", "2,5")])
def test_a_worker_process_on_gpus_sees_only_its_own(
    monkeypatch: pytest.MonkeyPatch, device: str, seen: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    settings = Settings.model_validate({"workers": {"device": device, "processes": 2}})
    environment = _Slot(settings, 2, threads=1)._environment
    assert environment.get("CUDA_VISIBLE_DEVICES", os.environ["CUDA_VISIBLE_DEVICES"]) == seen
