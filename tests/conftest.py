"""Shared fixtures: every file of tests/support but the programs that tests start."""

from pathlib import Path

import pytest

# Before any of them is imported: they import one another.
pytest.register_assert_rewrite("tests.support")

pytest_plugins = [
    f"tests.support.{path.stem}"
    for path in sorted((Path(__file__).parent / "support").glob("[a-z]*.py"))
    if not path.stem.endswith("_program")
]
