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


_ORDER = ("e2e", "integration", "benchmarks", "unit")
_LONGEST = "test_kill_each_process.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that none is left for the end while the other processes are idle."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    return -1 if item.path.name == _LONGEST else _ORDER.index(folder)
