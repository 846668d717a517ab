"""ONNX Runtime behind the seam."""

from pathlib import Path

import numpy as np
import pytest

from maskwatch.errors import ModelError
from models.mask_classifier import BUILTIN_CARD
from models.runtimes.loading import load_runtime
from models.runtimes.onnx import OnnxRuntime

WEIGHTS = BUILTIN_CARD.with_suffix(".onnx")


def test_a_network_runs_and_says_what_it_takes() -> None:
    runtime = OnnxRuntime(WEIGHTS, threads=1)
    assert runtime.input_type is np.uint8
    assert runtime.input_shape[1:] == (96, 96, 3)
    assert runtime.run(np.zeros((2, 96, 96, 3), np.uint8))[0].shape == (2, 3)


def test_a_batch_answers_as_its_pictures_alone_do() -> None:
    runtime = OnnxRuntime(WEIGHTS, threads=1)
    crops = np.random.default_rng(0).integers(0, 255, (5, 96, 96, 3), np.uint8)
    alone = np.concatenate([runtime.run(crops[place : place + 1])[0] for place in range(5)])
    np.testing.assert_allclose(runtime.run(crops)[0], alone, atol=1e-4)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ModelError, match=r"weights /gone\.onnx: no such file"):
        OnnxRuntime(Path("/gone.onnx"))


@pytest.mark.parametrize("content", [b"", b"not a network", WEIGHTS.read_bytes()[:5000]])
def test_a_damaged_file_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not a network that ONNX Runtime can load") as caught:
        OnnxRuntime(path)
    assert "\n" not in str(caught.value)


def test_a_batch_of_another_shape_is_refused_with_both_shapes() -> None:
    runtime = OnnxRuntime(WEIGHTS, threads=1)
    with pytest.raises(ModelError, match=r"shape \(1, 64, 64, 3\), the network takes .*96"):
        runtime.run(np.zeros((1, 64, 64, 3), np.uint8))


def test_a_gpu_asked_for_and_absent_is_said_so() -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ModelError, match=r"device gpu: .* workers.device = 'cpu'"):
        OnnxRuntime(WEIGHTS, device="gpu")


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ModelError, match="engine 'caffe' is unknown; use onnx or keras"):
        load_runtime("caffe", WEIGHTS)
