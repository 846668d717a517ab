"""One network on every engine says the same."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs the extra [train]")
pytest.importorskip("onnx", reason="needs the extra [train]")

import keras

from maskwatch.contracts import CLASSES
from maskwatch.errors import ModelError
from models.card import Card, InputPart, file_sha256, write_card
from models.mask_classifier import BUILTIN_CARD, MaskClassifier
from models.runtimes import keras as keras_runtime
from models.runtimes.keras import KerasRuntime
from models.runtimes.onnx import OnnxRuntime
from training.classifier.export import export_classifier, load_exported
from training.classifier.looks import predict
from training.classifier.net import NetSettings, build_classifier

pytestmark = pytest.mark.filterwarnings("default")  # Keras's engines warn about each other

SMALL = NetSettings(input_px=32, blocks=3)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """A network whose averages and biases are no longer those of a fresh one."""
    keras.utils.set_random_seed(1)
    model = build_classifier(SMALL)
    rng = np.random.default_rng(0)
    weights = [array + rng.normal(0, 0.1, array.shape) for array in model.get_weights()]
    model.set_weights([np.abs(array) if array.ndim == 1 else array for array in weights])
    return model


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 255, (6, 32, 32, 3), np.uint8)


def test_keras_and_onnx_runtime_give_the_same_logits(
    network: keras.Model, crops: np.ndarray, tmp_path: Path
) -> None:
    export_classifier(network, tmp_path / "net.onnx")
    on_cpu = OnnxRuntime(tmp_path / "net.onnx", threads=1).run(crops)[0]
    np.testing.assert_allclose(on_cpu, predict(network, crops), atol=1e-3)
    assert np.ptp(on_cpu) > 0.01


def test_both_engines_give_the_same_probabilities_behind_the_seam(
    network: keras.Model, crops: np.ndarray, tmp_path: Path
) -> None:
    export_classifier(network, tmp_path / "net.onnx")
    network.save(tmp_path / "net.keras")
    asked = {
        "onnx": InputPart(size_px=32, dtype="uint8", colour="bgr"),
        "keras": InputPart(size_px=32, scale=1 / 127.5, offset=-1),
    }
    answers = []
    for engine in ("onnx", "keras"):
        weights = tmp_path / f"net.{engine}"
        card = Card(
            name=engine,
            task="mask_classifier",
            engine=engine,
            file=weights.name,
            sha256=file_sha256(weights),
            input=asked[engine],
            classes=CLASSES,
        )
        write_card(card, tmp_path / f"{engine}.json")
        answers.append(MaskClassifier.load(tmp_path / f"{engine}.json").probabilities(crops))
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-3)


def test_an_exported_file_gives_its_weights_back(network: keras.Model, tmp_path: Path) -> None:
    export_classifier(network, tmp_path / "net.onnx")
    other = build_classifier(SMALL)
    load_exported(other, tmp_path / "net.onnx")
    for old, new in zip(network.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_builtin_weights_load_into_the_builtin_recipes_network() -> None:
    from training.classifier.recipe import BUILTIN_RECIPE, read_recipe

    recipe = read_recipe(BUILTIN_RECIPE)
    model = build_classifier(NetSettings(recipe.net.input_px, recipe.net.blocks))
    path = BUILTIN_CARD.with_suffix(".onnx")
    load_exported(model, path)
    crops = np.random.default_rng(0).integers(0, 255, (4, 96, 96, 3), np.uint8)
    expected = OnnxRuntime(path, threads=1).run(crops)[0]
    np.testing.assert_allclose(predict(model, crops), expected, atol=1e-3)


def test_weights_of_another_shape_are_refused(network: keras.Model, tmp_path: Path) -> None:
    export_classifier(network, tmp_path / "net.onnx")
    with pytest.raises(ModelError, match="of another network than the recipe's"):
        load_exported(build_classifier(NetSettings(input_px=32, blocks=4)), tmp_path / "net.onnx")


def test_a_file_that_is_no_export_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"\xff\xffnothing")
    with pytest.raises(ModelError, match="cannot be read"):
        load_exported(build_classifier(SMALL), tmp_path / "net.onnx")


def test_a_layer_without_an_export_is_named() -> None:
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2DTranspose(2, 3, name="up")]
    )
    with pytest.raises(ModelError, match="layer up is a Conv2DTranspose"):
        export_classifier(model, Path("never-written.onnx"))


def test_the_fast_normalisation_of_training_gives_the_plain_networks_answers() -> None:
    keras.utils.set_random_seed(1)
    fast = build_classifier(SMALL, is_for_training=True)
    plain = build_classifier(SMALL)
    plain.set_weights(fast.get_weights())
    pictures = np.random.default_rng(0).normal(0, 1, (8, 32, 32, 3)).astype(np.float32)
    for is_training in (False, True):
        first, second = (
            keras.ops.convert_to_numpy(model.get_layer("conv1_bn")(
                model.get_layer("conv1")(pictures), training=is_training
            ))
            for model in (fast, plain)
        )  # fmt: skip
        np.testing.assert_allclose(first, second, atol=1e-4)


def test_a_missing_keras_file_and_an_absent_gpu_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.keras: no such file"):
        KerasRuntime(tmp_path / "gone.keras")
    (tmp_path / "bad.keras").write_bytes(b"no network")
    with pytest.raises(ModelError, match="not a network that Keras can load"):
        KerasRuntime(tmp_path / "bad.keras")


def test_a_gpu_that_keras_does_not_see_is_said_so(tmp_path: Path) -> None:
    if keras.backend.backend() == "torch":
        import torch

        if torch.cuda.is_available():
            pytest.skip("this machine has a GPU")
    (tmp_path / "net.keras").write_bytes(b"")
    with pytest.raises(ModelError, match=r"device gpu: Keras on .* sees no GPU"):
        KerasRuntime(tmp_path / "net.keras", device="gpu")


def test_on_a_gpu_a_network_computes_in_mixed_precision_and_says_nearly_the_same(
    network: keras.Model, crops: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras_runtime, "_sees_gpu", lambda backend: True)
    network.save(tmp_path / "net.keras")
    batch = crops.astype(np.float32) / 127.5 - 1
    exact = KerasRuntime(tmp_path / "net.keras")
    mixed = KerasRuntime(tmp_path / "net.keras", device="gpu")
    layers = {layer.name: layer for layer in mixed._model.layers}
    assert layers["conv_pw_2"].compute_dtype == "float16"
    assert layers["conv_pw_2"].variable_dtype == "float32"
    assert layers["logits"].compute_dtype == "float32"
    wanted, given = exact.run(batch)[0], mixed.run(batch)[0]
    assert not np.array_equal(wanted, given)
    np.testing.assert_allclose(given, wanted, atol=0.02 * float(np.ptp(wanted)))


def test_memory_of_every_gpu_grows_as_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    grown: list[tuple[str, bool]] = []
    config = SimpleNamespace(
        list_physical_devices=lambda kind: [f"{kind}:0", f"{kind}:1"],
        experimental=SimpleNamespace(set_memory_growth=lambda gpu, on: grown.append((gpu, on))),
    )
    monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace(config=config))
    keras_runtime.require_gpu("tensorflow")
    assert grown == [("GPU:0", True), ("GPU:1", True)]


def test_a_batch_of_another_shape_is_refused(network: keras.Model, tmp_path: Path) -> None:
    network.save(tmp_path / "net.keras")
    with pytest.raises(ModelError, match="the Keras network takes"):
        KerasRuntime(tmp_path / "net.keras").run(np.zeros((1, 16, 16, 1), np.float32))


def test_an_engine_that_uses_no_gpu_here_is_named_with_those_that_do() -> None:
    with pytest.raises(ModelError, match=r"Keras runs on jax, .*set KERAS_BACKEND to tensorflow"):
        keras_runtime.require_gpu("jax")
