"""The fused pass of training: Keras's numbers, in low precision only where it is quick."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch")

from training.detector import fused  # noqa: E402  # after the check for the extra
from training.detector.fused import FusedDetector  # noqa: E402
from training.detector.network import Widths, build_detector  # noqa: E402

SMALL = Widths(16, 64, 64)

pytestmark = [
    pytest.mark.skipif(
        keras.backend.backend() != "torch", reason="the detector trains on Keras's PyTorch backend"
    ),
    # Keras 3.15 reads its own variables in NumPy 1's way.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def pictures() -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (2, 64, 96, 3)).astype(np.uint8)


def test_the_fused_pass_equals_keras(pictures: NDArray[np.uint8]) -> None:
    model = build_detector(SMALL)
    with torch.no_grad():
        answers = FusedDetector(model, uses_bfloat16=False)(torch.from_numpy(pictures))
        maps = [output.numpy() for output in model(pictures.astype(np.float32))]
    for ours, theirs in zip(answers, maps, strict=True):
        np.testing.assert_allclose(ours.permute(0, 2, 3, 1), theirs, rtol=1e-3, atol=1e-2)


def test_the_fused_pass_trains_the_same_weights() -> None:
    model = build_detector(SMALL)
    maps = FusedDetector(model, uses_bfloat16=True)(torch.zeros((1, 64, 64, 3), dtype=torch.uint8))
    sum(grid.sum() for grid in maps).backward()
    assert model.get_layer("head8_pointwise").bias.value.grad is not None


@pytest.mark.parametrize("has_it", [False, True])
def test_bfloat16_is_used_where_the_processor_has_it_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, has_it: bool
) -> None:
    monkeypatch.setattr(fused, "has_bfloat16", lambda device: has_it)
    asked: list[bool] = []
    real = torch.autocast

    def noted(device: str, dtype: "torch.dtype", *, enabled: bool) -> Any:
        asked.append(enabled)
        return real(device, dtype, enabled=enabled)

    monkeypatch.setattr(torch, "autocast", noted)
    net = FusedDetector(build_detector(SMALL), uses_bfloat16=True)
    with torch.no_grad():
        net(torch.zeros((1, 32, 32, 3), dtype=torch.uint8))
    assert any(asked) is has_it
    assert not all(asked)


@pytest.mark.parametrize(("avx512", "amx"), [(False, False), (True, False), (False, True)])
def test_a_processor_with_neither_instruction_set_has_no_bfloat16(
    monkeypatch: pytest.MonkeyPatch, avx512: bool, amx: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert fused.has_bfloat16.__wrapped__("cpu") is (avx512 or amx)
