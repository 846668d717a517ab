"""How a classifier is trained, in one file: read from TOML, checked, kept beside the weights."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from maskwatch.contracts import CLASSES
from training.augment.camera import CameraSettings
from training.recipe_file import read_recipe_file

BUILTIN_RECIPE = Path(__file__).parent.parent / "recipes" / "classifier.toml"

DRAWN = "drawn"
"""Name in ``[shares.*]`` for masks drawn on unmasked faces."""

PRINTED = "printed"
"""Name in ``[shares.mask]`` for real masks in another cloth."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetPart(_Part):
    """Shape and start of the network."""

    input_px: int = Field(default=96, ge=32, le=256, multiple_of=16)
    blocks: int = Field(default=7, ge=1, le=9)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    backbone: str = ""
    frozen_blocks: int = Field(default=0, ge=0, le=9)


class RunPart(_Part):
    """The optimiser and its schedule."""

    seed: int = 1
    batch: int = Field(default=64, ge=2)
    steps: int = Field(default=6000, ge=1)
    learning_rate: float = Field(default=1.5e-3, gt=0)
    warm_up_steps: int = Field(default=200, ge=0)
    weight_decay: float = Field(default=5e-4, ge=0)
    label_smoothing: float = Field(default=0.05, ge=0, lt=1)
    doubt_at: int = Field(default=0, ge=0)
    doubt_from: float = Field(default=0.9, gt=0.5, le=1)
    average: float = Field(default=0.99, ge=0, lt=1)
    average_every: int = Field(default=5, ge=1)
    measure_every: int = Field(default=500, ge=1)
    save_every: int = Field(default=250, ge=1)


class CameraPart(_Part):
    """See `CameraSettings`."""

    turn_deg: float = Field(default=9.0, ge=0, le=90)
    shift: float = Field(default=0.06, ge=0, le=0.5)
    scale: float = Field(default=0.10, ge=0, le=0.5)
    small: float = Field(default=0.55, ge=0, le=1)
    smallest_px: float = Field(default=13.0, gt=0)
    largest_px: float = Field(default=64.0, gt=0)
    motion: float = Field(default=0.2, ge=0, le=1)
    defocus: float = Field(default=0.2, ge=0, le=1)
    compressed: float = Field(default=0.5, ge=0, le=1)
    light: float = Field(default=0.5, ge=0, le=1)
    noise: float = Field(default=0.2, ge=0, le=1)
    tint: float = Field(default=0.12, ge=0, le=1)
    colour: float = Field(default=0.4, ge=0, le=1)

    def settings(self) -> CameraSettings:
        """Returns the same values for the drawing code."""
        return CameraSettings(**self.model_dump())


class ClassifierRecipe(_Part):
    """Everything that decides a classifier, apart from the pictures."""

    net: NetPart = NetPart()
    run: RunPart = RunPart()
    camera: CameraPart = CameraPart()
    shares: dict[str, dict[str, float]]

    @model_validator(mode="after")
    def _shares_make_a_batch(self) -> ClassifierRecipe:
        unknown = sorted(set(self.shares) - set(CLASSES))
        if unknown:
            raise ValueError(f"shares.{unknown[0]}: no such class; use {', '.join(CLASSES)}")
        values = [share for sources in self.shares.values() for share in sources.values()]
        if not values or min(values) < 0 or sum(values) <= 0:
            raise ValueError("shares: every share must be 0 or more, and their sum above 0")
        return self


def read_recipe(path: Path) -> ClassifierRecipe:
    """Reads and checks a recipe.

    Raises:
        ConfigError: The file is missing, is not TOML, or a key or value is unknown.
    """
    return read_recipe_file(path, ClassifierRecipe, whole="shares")
