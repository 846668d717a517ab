"""The detector's network: YuNet's weights, growing without change, equal on every runtime."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

keras = pytest.importorskip("keras")
onnx = pytest.importorskip("onnx")

from maskwatch.errors import ModelError  # noqa: E402  # after the check for the extra
from models.runtimes.onnx import OnnxRuntime  # noqa: E402
from training.detector.export import export_detector  # noqa: E402
from training.detector.int8 import quantise  # noqa: E402
from training.detector.network import STRIDES, Widths, build_detector  # noqa: E402
from training.detector.start import start_model  # noqa: E402

YUNET = Path(__file__).parents[5] / "shared" / "baselines" / "yunet_n_640_640.onnx"
SMALL, WIDE = Widths(16, 64, 64), Widths(16, 64, 96)

# Keras 3.15 reads its own variables in NumPy 1's way, and TensorFlow warns of itself.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def pictures() -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (2, 64, 96, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def yunet_like(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with YuNet's convolutions in YuNet's order, their values by chance."""
    rng = np.random.default_rng(5)
    shapes = [(16, 3, 3, 3)]
    for given, made in [(16, 16), (16, 16), (16, 64), *[(64, 64)] * 14]:
        shapes += [(made, given, 1, 1), (made, 1, 3, 3)]
    for channels in (1, 4, 1, 10):
        shapes += [(channels, 64, 1, 1), (channels, 1, 3, 3)] * 3
    nodes, tensors = [], []
    for index, shape in enumerate(shapes):
        spread = float(np.prod(shape[1:])) ** -0.5
        for name, value in (("w", rng.normal(0, spread, shape)), ("b", rng.normal(0, 1, shape[0]))):
            array = value.astype(np.float32)
            tensors.append(onnx.numpy_helper.from_array(array, f"{name}{index}"))
        nodes.append(onnx.helper.make_node("Conv", ["x", f"w{index}", f"b{index}"], [f"y{index}"]))
    graph = onnx.helper.make_graph(nodes, "yunet", [], [], tensors)
    path = tmp_path_factory.mktemp("yunet") / "yunet.onnx"
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())
    return path


def maps_of(model: "keras.Model", pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    return [keras.ops.convert_to_numpy(grid) for grid in model(pictures.astype(np.float32))]


def test_a_grown_net_computes_what_the_small_one_did(
    yunet_like: Path, pictures: NDArray[np.uint8]
) -> None:
    small = start_model(SMALL, yunet_like, seed=1)
    wide = start_model(WIDE, yunet_like, seed=1)
    assert wide.count_params() > small.count_params()
    for ours, grown in zip(maps_of(small, pictures), maps_of(wide, pictures), strict=True):
        np.testing.assert_allclose(grown, ours, atol=1e-3 * float(np.abs(ours).max()))


def test_the_maps_have_the_size_of_their_strides(pictures: NDArray[np.uint8]) -> None:
    shapes = [output.shape for output in maps_of(build_detector(SMALL), pictures)]
    assert shapes == [(2, 64 // stride, 96 // stride, 6) for stride in STRIDES]


def test_the_net_is_within_its_budget() -> None:
    assert build_detector(Widths(16, 64, 128)).count_params() < 1_000_000


def test_the_exported_net_answers_like_keras(
    tmp_path: Path, yunet_like: Path, pictures: NDArray[np.uint8]
) -> None:
    model = start_model(WIDE, yunet_like, seed=1)
    path = tmp_path / "detector.onnx"
    export_detector(model, path)
    assert path.stat().st_size < 5_000_000
    (logits,) = OnnxRuntime(path, threads=1).run(pictures)
    expected = [grid.reshape(2, -1, 6).transpose(0, 2, 1) for grid in maps_of(model, pictures)]
    np.testing.assert_allclose(logits, np.concatenate(expected, 2), rtol=1e-3, atol=1e-3)


def test_training_can_start_from_an_exported_net(tmp_path: Path, yunet_like: Path) -> None:
    model = start_model(WIDE, yunet_like, seed=1)
    export_detector(model, tmp_path / "detector.onnx")
    again = start_model(WIDE, tmp_path / "detector.onnx", seed=2)
    for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_weights_of_other_widths_are_refused_with_the_remedy(
    tmp_path: Path, yunet_like: Path
) -> None:
    export_detector(start_model(WIDE, yunet_like, seed=1), tmp_path / "detector.onnx")
    with pytest.raises(ModelError, match="recipe"):
        start_model(SMALL, tmp_path / "detector.onnx", seed=1)


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"not a network")
    with pytest.raises(ModelError, match=r"bad\.onnx"):
        start_model(SMALL, tmp_path / "bad.onnx", seed=1)


@pytest.mark.skipif(not YUNET.is_file(), reason="YuNet's published file is not here")
def test_with_yunets_weights_the_net_answers_like_yunet() -> None:
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (1, 640, 640, 3)).astype(np.uint8)
    names = [f"{kind}_{stride}" for kind in ("cls", "obj", "bbox") for stride in STRIDES]
    import onnxruntime

    session = onnxruntime.InferenceSession(str(YUNET))
    planes = picture.transpose(0, 3, 1, 2).astype(np.float32)
    theirs = dict(zip(names, session.run(names, {"input": planes}), strict=True))
    maps = maps_of(start_model(SMALL, YUNET, seed=1), picture)
    for stride, grid in zip(STRIDES, maps, strict=True):
        cells = grid.reshape(1, -1, 6)
        chances = 1 / (1 + np.exp(-cells[..., :2]))
        np.testing.assert_allclose(chances[..., :1], theirs[f"cls_{stride}"], atol=1e-4)
        np.testing.assert_allclose(chances[..., 1:], theirs[f"obj_{stride}"], atol=1e-4)
        np.testing.assert_allclose(cells[..., 2:], theirs[f"bbox_{stride}"], atol=1e-4)


def test_in_8_bits_the_net_stays_close_and_its_heads_in_float(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    canvases = rng.integers(0, 256, (4, 64, 96, 3)).astype(np.uint8)
    exact, small = tmp_path / "net.onnx", tmp_path / "int8.onnx"
    export_detector(build_detector(SMALL), exact)
    quantise(exact, small, canvases)
    assert small.stat().st_size < 0.7 * exact.stat().st_size
    graph = onnx.load(str(small)).graph
    floats = {tensor.name for tensor in graph.initializer if tensor.data_type == 1}
    assert {"head8_pointwise_kernel", "head32_depthwise_kernel"} <= floats
    assert "stage3_a_pointwise_kernel" not in floats
    wanted, given = (OnnxRuntime(path).run(canvases[:1])[0] for path in (exact, small))
    spread = wanted.std()
    assert np.abs(given - wanted).mean() < 0.1 * spread
