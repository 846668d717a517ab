"""A recipe on disk: TOML, checked against its pydantic type."""

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from maskwatch.errors import ConfigError

Recipe = TypeVar("Recipe", bound=BaseModel)


def read_recipe_file(path: Path, kind: type[Recipe], *, whole: str = "recipe") -> Recipe:
    """Read and check a recipe.

    Args:
        path: The TOML file.
        kind: What it holds.
        whole: Named in the error where no single key is wrong.

    Raises:
        ConfigError: The file is missing, is not TOML, or a key or value is unknown.
    """
    try:
        return kind.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"recipe {path}: {error.strerror}; give an existing file") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"recipe {path}: not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or whole
        raise ConfigError(f"recipe {path}: {key}: {first['msg']}") from error
