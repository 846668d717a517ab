"""Short films of simulated cameras, with their truth; made once and kept in pytest's cache."""

from dataclasses import replace
from pathlib import Path

import pytest

from maskwatch.simulator.film import Film, make_film
from maskwatch.simulator.scene import SceneSettings

TINY = SceneSettings(seed=3, width=320, height=180, fps=10.0, duration_s=8.0, every_s=2.0)
"""One or two people in a picture as large as a stamp: for plumbing, not for recognition."""

SMALL = replace(TINY, width=640, height=360, fps=10.0, duration_s=12.0, every_s=2.4)
"""Large enough for the networks."""


@pytest.fixture(scope="session")
def film_folder(pytestconfig: pytest.Config) -> Path:
    """Where films are kept from one session to the next; their names change with the simulator."""
    return pytestconfig.cache.mkdir("films")


@pytest.fixture(scope="session")
def tiny_film(film_folder: Path) -> Film:
    """320x180, 10 frames a second, 8 s."""
    return make_film(film_folder, TINY)


@pytest.fixture(scope="session")
def small_film(film_folder: Path) -> Film:
    """640x360, 10 frames a second, 12 s."""
    return make_film(film_folder, SMALL)
