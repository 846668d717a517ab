"""Handing a configuration to child processes through their environment."""

import json
import os
import site
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

import maskwatch
from maskwatch.config import Settings
from maskwatch.process import ROLE_VARIABLE


def settings_environment(settings: Settings) -> dict[str, str]:
    """Variables under which `load_settings()` gives exactly these settings.

    They hold the secrets: only the user who runs maskwatch (and root) can read a process's
    environment. No file is read beside them.
    """
    variables = {"MASKWATCH_CONFIG": os.devnull}
    for name, value in settings.model_dump(mode="python").items():
        plain = _plain(value)
        text = plain if isinstance(plain, str) else json.dumps(plain)
        variables[f"MASKWATCH_{name.upper()}"] = text
    return variables


def child_environment(settings: Settings, *, role: str) -> dict[str, str]:
    """The whole environment of a child: ours without our MASKWATCH_ variables, and its settings."""
    inherited = {key: value for key, value in os.environ.items() if not _is_ours(key)}
    root = str(Path(maskwatch.__file__).resolve().parent.parent)
    if root not in site.getsitepackages():
        # A checkout: children run with -P (a folder named `web` or `models` where the user happens
        # to stand must not be imported), so they are told where the packages are.
        inherited["PYTHONPATH"] = os.pathsep.join(
            part for part in (root, inherited.get("PYTHONPATH", "")) if part
        )
    return inherited | settings_environment(settings) | {ROLE_VARIABLE: role}


def _is_ours(key: str) -> bool:
    return key.startswith("MASKWATCH_")


def _plain(value: Any) -> Any:
    """The value as JSON can hold it, secrets in the clear."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Path):
        return str(value.absolute())
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
