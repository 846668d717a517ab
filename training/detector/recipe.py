"""One file that says how a detector is trained: read from TOML and checked."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from training.detector.augment import AugmentSettings
from training.detector.network import Widths
from training.recipe_file import read_recipe_file

BUILTIN_RECIPE = Path(__file__).parent.parent / "recipes" / "detector.toml"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetPart(_Part):
    """Channels of the network, see :class:`Widths`, and the layers, by first letters, that stay."""

    stem: int = Field(default=16, ge=16, le=128)
    early: int = Field(default=64, ge=64, le=256)
    pyramid: int = Field(default=128, ge=64, le=512)
    frozen: tuple[str, ...] = ()

    def widths(self) -> Widths:
        """The same values for the code that builds the net."""
        return Widths(self.stem, self.early, self.pyramid)


class RunPart(_Part):
    """The optimiser, its schedule, and when to measure and save."""

    seed: int = 1
    batch: int = Field(default=16, ge=1)
    steps: int = Field(default=12000, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    warm_up_steps: int = Field(default=200, ge=0)
    weight_decay: float = Field(default=1e-4, ge=0)
    gradient_norm: float = Field(default=10.0, gt=0)
    average: float = Field(default=0.9985, ge=0, lt=1)
    measure_every: int = Field(default=1000, ge=1)
    save_every: int = Field(default=200, ge=1)
    bfloat16: bool = True


class AugmentPart(_Part):
    """See :class:`AugmentSettings`."""

    crop_px: int = Field(default=416, ge=64, multiple_of=32)
    scales: tuple[float, float, float, float] = (0.4, 0.8, 1.25, 1.9)
    stretch: float = Field(default=0.06, ge=0)
    background: float = Field(default=0.12, ge=0, le=1)
    colour: float = Field(default=0.6, ge=0, le=1)
    blur: float = Field(default=0.15, ge=0, le=1)
    compressed: float = Field(default=0.2, ge=0, le=1)
    grey: float = Field(default=0.05, ge=0, le=1)
    covered: float = Field(default=0.2, ge=0, le=1)
    shortest_face_px: float = Field(default=5.0, ge=1)
    largest_face: float = Field(default=0.8, gt=0)
    least_visible: float = Field(default=0.6, gt=0, le=1)

    def settings(self) -> AugmentSettings:
        """The same values for the drawing code."""
        return AugmentSettings(**self.model_dump())


class DetectorRecipe(_Part):
    """Everything that decides a detector, apart from the pictures and the starting weights."""

    net: NetPart = NetPart()
    run: RunPart = RunPart()
    shares: dict[str, float] = Field(default_factory=dict)
    augment: AugmentPart = AugmentPart()


def read_recipe(path: Path) -> DetectorRecipe:
    """Reads and checks a recipe.

    Raises:
        ConfigError: The file is missing, is not TOML, or a key or value is unknown.
    """
    return read_recipe_file(path, DetectorRecipe)
