"""Saying what is wrong with a configuration: the key, where its value came from, and the remedy."""

import difflib
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

ENV_PREFIX: Final = "MASKWATCH_"
_SECRETS: Final = ("url", "password", "secret")


def unknown_variables(model: type[BaseModel], *, ignored: Collection[str]) -> list[str]:
    """One line for each MASKWATCH_ variable that sets nothing, as a misspelt one would."""
    lines = []
    for name in sorted(os.environ):
        if not name.startswith(ENV_PREFIX) or name in ignored:
            continue
        section = name.removeprefix(ENV_PREFIX).partition("__")[0].lower()
        if section not in model.model_fields:
            lines.append(
                f"environment variable {name}: there is no such setting; unset it or correct "
                f"its spelling{_proposal(section, model.model_fields)}"
            )
    return lines


def explain(
    error: ValidationError, model: type[BaseModel], path: Path | None, content: dict[str, Any]
) -> str:
    """All that is wrong, in one line.

    Args:
        error: What pydantic found.
        model: The settings that were to be filled.
        path: The file that was read, None for none.
        content: What was in it.
    """
    lines = []
    for detail in error.errors():
        location = detail["loc"]
        where, value = _origin(location, path, content)
        key = ".".join(str(part) for part in location)
        if detail["type"] == "extra_forbidden":
            # The value stays out: what was meant by an unknown key may be a password.
            near = _proposal(str(location[-1]), _siblings(location, model))
            lines.append(
                f"{where}: {key}: there is no such setting; remove it or correct its spelling{near}"
            )
            continue
        is_hidden = isinstance(value, dict | list) or any(word in key for word in _SECRETS)
        shown = "" if is_hidden else f" = {value!r}"
        lines.append(f"{where}: {key}{shown}: {detail['msg'].removeprefix('Value error, ')}")
    return "; ".join(lines)


def _origin(
    location: tuple[int | str, ...], path: Path | None, content: dict[str, Any]
) -> tuple[str, Any]:
    """Where a value came from, in words, and the value; an empty dict where there is none."""
    for depth in range(len(location), 0, -1):
        name = ENV_PREFIX + "__".join(str(step) for step in location[:depth]).upper()
        if name in os.environ:
            value = os.environ[name] if depth == len(location) else {}
            return f"environment variable {name}", value
    node: Any = content
    for part in location:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            node = {}
    return f"configuration file {str(path)!r}" if path else "environment", node


def _siblings(location: tuple[int | str, ...], model: type[BaseModel]) -> Iterable[str]:
    """Names of the settings that could stand where an unknown one stands."""
    section: Any = model
    for part in location[:-1]:
        if isinstance(part, int):
            continue
        annotation = section.model_fields[part].annotation
        # A list of sections: tuple[SeedCamera, ...]
        section = get_args(annotation)[0] if get_args(annotation) else annotation
        if not (isinstance(section, type) and issubclass(section, BaseModel)):
            return ()
    return list(section.model_fields)


def _proposal(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
