"""Exported networks as ``.keras`` files with cards: the same weights on the reference engine."""

from __future__ import annotations

from pathlib import Path

import keras

from models.card import Card, InputPart, file_sha256, read_card, write_card
from training.classifier.export import load_exported
from training.classifier.net import NetSettings, build_classifier
from training.classifier.recipe import BUILTIN_RECIPE as CLASSIFIER_RECIPE
from training.classifier.recipe import read_recipe as read_classifier_recipe
from training.detector.network import HEAD_CHANNELS
from training.detector.recipe import BUILTIN_RECIPE as DETECTOR_RECIPE
from training.detector.recipe import read_recipe as read_detector_recipe
from training.detector.start import start_model


def to_keras(card_path: Path, folder: Path) -> Path:
    """Writes an exported network as a ``.keras`` file that answers as the exported one does.

    Args:
        card_path: Beside the exported weights; of a network of the built-in recipe.
        folder: Where the file and its card are written to.

    Returns:
        Path of the new card.

    Raises:
        ModelError: The card or its weights cannot be read, or are of another network.
    """
    card = read_card(card_path)
    weights = card_path.parent / card.file
    if card.task == "face_detector":
        return _write(_detector(weights), card, card.input, folder)
    net = read_classifier_recipe(CLASSIFIER_RECIPE).net
    model = build_classifier(NetSettings(net.input_px, net.blocks, classes=len(card.classes)))
    load_exported(model, weights)
    return _write(model, card, InputPart(size_px=net.input_px, scale=1 / 127.5, offset=-1), folder)


def _detector(weights: Path) -> keras.Model:
    """The network with its three maps joined as the exported file joins them: (N, 6, A)."""
    model = start_model(read_detector_recipe(DETECTOR_RECIPE).net.widths(), weights, seed=0)
    cells = [keras.layers.Reshape((-1, HEAD_CHANNELS))(grid) for grid in model.outputs]
    logits = keras.layers.Permute((2, 1))(keras.layers.Concatenate(axis=1)(cells))
    return keras.Model(model.inputs[0], logits)


def _write(model: keras.Model, card: Card, asked: InputPart, folder: Path) -> Path:
    weights = folder / f"{card.task}.keras"
    model.save(weights)
    changed = {"engine": "keras", "file": weights.name, "sha256": file_sha256(weights)}
    path = weights.with_suffix(".json")
    write_card(card.model_copy(update=changed | {"input": asked}), path)
    return path
