"""Model cards: what a weights file takes, answers and was made from, in JSON beside it."""

import hashlib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from maskwatch.errors import ModelError

_CHUNK_BYTES = 1 << 20


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class InputPart(_Part):
    """How a picture is laid before the network.

    Attributes:
        size_px: Side of the square input; 0 where any size will do.
        layout: Order of the axes of a batch.
        dtype: Type of the values.
        colour: Order of the channels.
        scale: Values are ``byte * scale + offset``.
        offset: See `scale`.
    """

    size_px: int = Field(ge=0)
    layout: Literal["nhwc", "nchw"] = "nhwc"
    dtype: Literal["uint8", "float32"] = "float32"
    colour: Literal["bgr", "rgb"] = "rgb"
    scale: float = 1.0
    offset: float = 0.0


class ReadabilityPart(_Part):
    """The learned chance that a look is judged right, and how low is too low.

    chance = sigmoid(bias + height * log(face height in px / 32) + sharpness * log(sharpness)
    + certainty * logit of the highest probability)

    Attributes:
        bias: See above.
        height: Weight of the face's size.
        sharpness: Weight of the crop's sharpness, see `models.mask_classifier.sharpness`.
        certainty: Weight of the classifier's own certainty.
        min_chance: Looks with a lower chance are `unreadable`.
        min_height_px: Smaller faces are `unreadable` whatever their chance.
    """

    bias: float = 0.0
    height: float = 0.0
    sharpness: float = 0.0
    certainty: float = 1.0
    min_chance: float = Field(default=0.0, ge=0, le=1)
    min_height_px: float = Field(default=0.0, ge=0)


class Card(_Part):
    """What is known of one weights file.

    Attributes:
        name: Short name for people.
        task: What the network is for.
        engine: Which runtime loads it.
        file: The weights' file name, in the card's own folder.
        sha256: Of the weights file.
        version: Grows with each training that ships.
        input: See `InputPart`.
        classes: Names of the outputs in order; empty for a detector.
        output: Whether the network ends in logits or in probabilities.
        temperature: Logits are divided by it.
        span: Side of the classifier's cut over the longer side of the face box.
        readability: See `ReadabilityPart`.
        min_score: Of a detector: faces below it are left out unless the configuration says else.
        parameters: Number of weights.
        trained_on: Names and licences of the data.
        data_sha256: Hash of the list of training pictures.
        metrics: Figures, each with its split in the name.
        notes: Limits to know.
    """

    name: str
    task: Literal["mask_classifier", "face_detector"]
    engine: Literal["onnx", "keras"]
    file: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    version: str = "1"
    input: InputPart
    classes: tuple[str, ...] = ()
    output: Literal["logits", "probabilities"] = "logits"
    temperature: float = Field(default=1.0, gt=0)
    span: float = Field(default=1.35, gt=0.5, lt=4)
    readability: ReadabilityPart = ReadabilityPart()
    min_score: float = Field(default=0.5, ge=0, le=1)
    parameters: int = 0
    trained_on: tuple[str, ...] = ()
    data_sha256: str = ""
    metrics: dict[str, Any] = {}
    notes: tuple[str, ...] = ()


def read_card(path: Path) -> Card:
    """Reads and checks a card.

    Raises:
        ModelError: The card is missing, not JSON, or lacks a field.
    """
    try:
        return Card.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(
            f"card {path}: {error.strerror or error}; every weights file needs its card beside it"
        ) from error
    except (ValidationError, UnicodeDecodeError) as error:
        reason = str(error)
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            reason = f"{'.'.join(str(part) for part in first['loc']) or 'card'}: {first['msg']}"
        raise ModelError(f"card {path}: {reason}; write it as docs/accuracy.md shows") from error


def check_weights(card: Card, weights: Path) -> None:
    """Refuses weights that are not the ones the card describes.

    Raises:
        ModelError: The file is missing, cut short or another one.
    """
    try:
        found = file_sha256(weights)
    except OSError as error:
        raise ModelError(
            f"weights {weights}: {error.strerror or error}; install maskwatch again or name another"
        ) from error
    if found != card.sha256:
        raise ModelError(
            f"weights {weights}: SHA-256 {found[:12]}… is not the card's {card.sha256[:12]}…: "
            "the file is cut short or another one; install maskwatch again, or name weights with "
            "their card"
        )


def file_sha256(path: Path) -> str:
    """Returns the SHA-256 of a file in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def write_card(card: Card, path: Path) -> None:
    """Writes a card, whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
    partial.replace(path)
