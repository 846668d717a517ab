"""How a refiner is trained, in one file: read from TOML, checked, kept beside the weights."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from training.classifier.recipe import CameraPart
from training.recipe_file import read_recipe_file

BUILTIN_RECIPE = Path(__file__).parent.parent / "recipes" / "refiner.toml"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetPart(_Part):
    """Shape of the network."""

    input_px: int = Field(default=80, ge=32, le=256, multiple_of=16)
    blocks: int = Field(default=7, ge=4, le=9)
    narrow: int = Field(default=48, ge=1)
    hidden: int = Field(default=96, ge=1)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    span: float = Field(default=1.8, gt=1, lt=4)
    frozen_blocks: int = Field(default=1, ge=0, le=9)


class RunPart(_Part):
    """The optimiser and its schedule."""

    seed: int = 1
    batch: int = Field(default=64, ge=2)
    steps: int = Field(default=3500, ge=1)
    learning_rate: float = Field(default=1.2e-3, gt=0)
    warm_up_steps: int = Field(default=200, ge=0)
    weight_decay: float = Field(default=5e-3, ge=0)
    average: float = Field(default=0.99, ge=0, lt=1)
    average_every: int = Field(default=5, ge=1)
    save_every: int = Field(default=250, ge=1)


class KindsPart(_Part):
    """How often a cut is of each kind, beside the others."""

    faces: float = Field(default=0.40, ge=0)
    near: float = Field(default=0.22, ge=0)
    alarms: float = Field(default=0.30, ge=0)
    beside: float = Field(default=0.08, ge=0)


class RefinerRecipe(_Part):
    """Everything that decides a refiner, apart from the pictures and the detector."""

    net: NetPart = NetPart()
    run: RunPart = RunPart()
    kinds: KindsPart = KindsPart()
    camera: CameraPart = CameraPart()
    covered: float = Field(default=0.15, ge=0, le=1)
    shares: dict[str, float] = {}


def read_recipe(path: Path) -> RefinerRecipe:
    """Reads and checks a recipe.

    Raises:
        ConfigError: The file is missing, is not TOML, or a key or value is unknown.
    """
    return read_recipe_file(path, RefinerRecipe)
