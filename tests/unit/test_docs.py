"""A setting, command or extra without documentation fails here, and so does a link to nowhere."""

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from maskwatch.cli import COMMANDS
from maskwatch.config import SeedCamera, Settings

ROOT = Path(__file__).parent.parent.parent
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def _settings() -> list[str]:
    keys = []
    for name, field in Settings.model_fields.items():
        keys.append(name)
        kind = SeedCamera if name == "cameras" else field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if name != "cameras":
                keys.pop()
            keys += [f"{name}.{key}" for key in kind.model_fields]
    return keys


def test_every_setting_has_a_row_and_every_row_is_a_setting() -> None:
    table = OPERATIONS.partition("| setting |")[2].partition("\n\n")[0]
    assert re.findall(r"(?m)^\| `([\w.]+)` \|", table) == _settings()


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_is_documented(command: str) -> None:
    assert re.search(rf"(?m)^\| `maskwatch {command}\b", OPERATIONS)


def test_every_extra_is_documented() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extra in project["optional-dependencies"]:
        assert re.search(rf"(?m)^\| `{extra}` \|", OPERATIONS), extra


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    for command in re.findall(r"\bmaskwatch ([a-z]+)\b", _code_of(page.read_text())):
        assert command in COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text())
    for target in re.findall(r"\bmake ([a-z]+)\b", _code_of(page.read_text())):
        assert target in targets


def _code_of(text: str) -> str:
    """What stands in a page as code."""
    blocks = re.findall(r"(?ms)^```\n(.*?)^```", text)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^```.*?^```", "", text))
    return "\n".join([*blocks, *spans])
