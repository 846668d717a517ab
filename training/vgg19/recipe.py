"""The thesis's settings, read from one TOML file."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from training.recipe_file import read_recipe_file

BUILTIN_RECIPE = Path(__file__).parent.parent / "recipes" / "vgg19.toml"


class Vgg19Recipe(BaseModel):
    """Everything that decides a run, apart from pictures and starting weights."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input_px: int = Field(default=128, ge=32, le=512)
    batch: int = Field(default=32, ge=1)
    epochs: int = Field(default=20, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    zoom: float = Field(default=0.2, ge=0, lt=1)
    shear: float = Field(default=0.2, ge=0, lt=90)
    flip: bool = True
    seed: int = 1


def read_recipe(path: Path) -> Vgg19Recipe:
    """Reads and checks a recipe.

    Raises:
        ConfigError: The file is missing, is not TOML, or a key or value is unknown.
    """
    return read_recipe_file(path, Vgg19Recipe)
