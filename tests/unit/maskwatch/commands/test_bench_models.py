"""The networks on Keras beside the others, and one line where Keras cannot run them."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from maskwatch.commands.bench import bench, networks
from maskwatch.errors import ModelError
from models.card import file_sha256, read_card, write_card
from models.mask_classifier import BUILTIN_CARD
from models.runtimes import keras as keras_runtime
from training import keras_engine

# Keras 3.15 reads its own variables in NumPy 1's way, and TensorFlow warns of itself.
pytestmark = pytest.mark.filterwarnings("default")

DETECTOR_BATCHES = networks.DETECTOR_BATCHES["cpu"]
CLASSIFIER_BATCHES = networks.CLASSIFIER_BATCHES["cpu"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "_MEASURED_S": 0,
        "_LEAST_ROUNDS": 1,
        "PICTURE": (64, 96, 3),
        "DETECTOR_BATCHES": {"cpu": (1,), "gpu": (1, 4)},
        "CLASSIFIER_BATCHES": {"cpu": (1,), "gpu": (1, 4)},
    }.items():
        monkeypatch.setattr(networks, name, value)


@pytest.fixture
def full_batches(monkeypatch: pytest.MonkeyPatch, _quick: None) -> None:
    """The batches of the command itself."""
    monkeypatch.setattr(networks, "DETECTOR_BATCHES", {"cpu": DETECTOR_BATCHES})
    monkeypatch.setattr(networks, "CLASSIFIER_BATCHES", {"cpu": CLASSIFIER_BATCHES})


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> str:
    """Keras's engine, its threads left as other tests of this process have them."""
    keras = pytest.importorskip("keras", reason="needs the extra [train]")
    pytest.importorskip("onnx", reason="needs the extra [train]")
    name = str(keras.backend.backend())
    monkeypatch.setattr(keras_engine, "use_threads", lambda count: name)
    return name


def _models(tmp_path: Path, *arguments: str) -> tuple[str, Any]:
    out = tmp_path / "models.json"
    command = ["models", "--threads", "1", "--json", str(out), *arguments]
    result = CliRunner().invoke(bench, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output, json.loads(out.read_text())


def _rows(figures: Any) -> list[tuple[str, str]]:
    return [(one["network"], one["runtime"].split()[0]) for one in figures["timings"]]


ON_ONNX = [("face detector 640x384", "onnx"), ("mask classifier 96 px", "onnx")]


def test_both_networks_are_timed_on_keras_too(tmp_path: Path, engine: str) -> None:
    text, figures = _models(tmp_path)
    assert _rows(figures) == [*ON_ONNX, *((network, "keras") for network, _ in ON_ONNX)]
    assert f"keras on {engine} (cpu)" in text
    assert figures["not_timed"] == []


@pytest.mark.usefixtures("full_batches", "engine")
def test_networks_are_timed_by_batch(tmp_path: Path) -> None:
    _, figures = _models(tmp_path)

    for runtime in ("onnx", "keras"):
        rows = [one for one in figures["timings"] if one["runtime"].startswith(runtime)]
        assert [one["batch"] for one in rows] == [*DETECTOR_BATCHES, *CLASSIFIER_BATCHES]
    assert all(one["each_ms"] <= one["batch_ms"] <= one["p95_ms"] for one in figures["timings"])


def test_without_keras_one_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    text, figures = _models(tmp_path)
    assert _rows(figures) == ON_ONNX
    (line,) = figures["not_timed"]
    assert "needs 'keras', which is not installed; pip install 'maskwatch[train]'" in line
    assert f"Not timed: {line}" in text.splitlines()


def test_a_network_of_another_shape_has_no_row_on_keras_and_a_line_says_why(
    tmp_path: Path, engine: str
) -> None:
    onnx = pytest.importorskip("onnx")
    proto = onnx.load(BUILTIN_CARD.with_suffix(".onnx"))
    for tensor in proto.graph.initializer:
        tensor.name = f"my_{tensor.name}"
    for node in proto.graph.node:
        own = {tensor.name for tensor in proto.graph.initializer}
        node.input[:] = [f"my_{name}" if f"my_{name}" in own else name for name in node.input]
    weights = tmp_path / "mine.onnx"
    onnx.save(proto, weights)
    changed = {"file": weights.name, "sha256": file_sha256(weights)}
    write_card(read_card(BUILTIN_CARD).model_copy(update=changed), tmp_path / "mine.json")
    (tmp_path / "maskwatch.toml").write_text(f'[workers]\nclassifier = "{weights}"\n')
    _, figures = _models(tmp_path, "--config", str(tmp_path / "maskwatch.toml"))
    assert _rows(figures) == [*ON_ONNX, ("face detector 640x384", "keras")]
    (line,) = figures["not_timed"]
    assert line.startswith("Keras, classifier: weights ")
    assert "of another network" in line


@pytest.mark.usefixtures("engine")
def test_a_gpu_that_is_not_there_is_one_line_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nothing could be timed: .*sees no NVIDIA GPU; install"):
        _models(tmp_path, "--device", "gpu")


def test_on_a_gpu_larger_batches_are_timed_and_an_engine_without_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    monkeypatch.setattr(keras_runtime, "require_gpu", lambda backend: None)
    _, figures = _models(tmp_path, "--device", "gpu")
    assert figures["device"] == "gpu"
    assert [(one["network"], one["batch"]) for one in figures["timings"]] == [
        (network, batch) for network, _ in ON_ONNX for batch in (1, 4)
    ]
    assert all(one["runtime"] == f"keras on {engine} (gpu)" for one in figures["timings"])
    assert [line.split(":")[0] for line in figures["not_timed"]] == [
        "onnx, detector",
        "onnx, classifier",
    ]


@pytest.mark.usefixtures("engine")
def test_pictures_a_second_are_those_of_a_batch(tmp_path: Path) -> None:
    _, figures = _models(tmp_path)
    for one in figures["timings"]:
        assert one["each_second"] == pytest.approx(1000 * one["batch"] / one["batch_ms"], rel=0.01)
