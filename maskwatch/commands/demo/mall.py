"""The simulated mall: which cameras there are and the films they show."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from maskwatch.contracts import Camera
from maskwatch.simulator.film import Film, film_path, repeat_film
from maskwatch.simulator.rendering import make_films
from maskwatch.simulator.scene import SceneSettings
from maskwatch.simulator.truth import FilmTruth

FILM_FPS: Final = 15.0
LOOP_S: Final = 60.0
LONGEST_FILM_S: Final = 120.0
"""A longer run shows a film several times, instead of making a longer film."""

_PLACES: Final = ("entrance", "food-court", "arcade", "car-park")


@dataclass(frozen=True, slots=True)
class MallCamera:
    """One simulated camera.

    Attributes:
        name: As on the page.
        film: What it films.
        path: The file that it plays.
        rounds: How often the file shows the film; None for again and again.
    """

    name: str
    film: Film
    path: Path
    rounds: int | None

    @property
    def truth(self) -> FilmTruth:
        """What one round shows."""
        return self.film.truth

    def totals(self) -> dict[str, int]:
        """Passages of the whole file by verdict."""
        return {name: number * (self.rounds or 1) for name, number in self.truth.totals().items()}

    def as_camera(self, *, fps: float) -> Camera:
        """How the system is told of it."""
        return Camera(name=self.name, url=str(self.path), fps=fps, loops=self.rounds is None)


def camera_name(number: int) -> str:
    """Name of the simulated camera of this number, from 0."""
    place, again = _PLACES[number % len(_PLACES)], number // len(_PLACES)
    return place if again == 0 else f"{place}-{again + 1}"


def make_mall(
    folder: Path,
    *,
    cameras: int,
    seed: int,
    seconds: float | None,
    on_progress: Callable[[int, int], None],
) -> list[MallCamera]:
    """Make the films, or take them from the folder where they were made before.

    Args:
        folder: Where films are kept.
        cameras: How many cameras.
        seed: Of the people.
        seconds: Length of the files; None for a minute that is shown again and again.
        on_progress: Told the number of frames done and wanted.

    Raises:
        MediaError: A package that holds the portraits is missing, or the folder is not writable.
    """
    rounds = math.ceil(seconds / LONGEST_FILM_S) if seconds else None
    length_s = seconds / rounds if seconds and rounds else LOOP_S
    common = SceneSettings(seed=seed, fps=FILM_FPS, duration_s=length_s)
    wanted = [replace(common, camera=number) for number in range(cameras)]
    films = make_films(folder, wanted, on_progress=on_progress)
    return [
        MallCamera(camera_name(number), film, _played_file(folder, settings, film, rounds), rounds)
        for number, (settings, film) in enumerate(zip(wanted, films, strict=True))
    ]


def _played_file(folder: Path, settings: SceneSettings, film: Film, rounds: int | None) -> Path:
    if rounds is None or rounds == 1:
        return film.path.absolute()
    path = film_path(folder, settings).with_suffix(f".x{rounds}.mp4").absolute()
    if not path.is_file():
        repeat_film(film.path, path, times=rounds)
    return path
