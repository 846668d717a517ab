"""A simulated camera: frames of people in a corridor, and the truth about them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.simulator.bodies import Clothes, draw_legs, draw_torso
from maskwatch.simulator.corridor import STYLES, View, draw_corridor
from maskwatch.simulator.heads import Head
from maskwatch.simulator.portraits import Picture
from maskwatch.simulator.schedule import Actor, arrange, find_passages
from maskwatch.simulator.sprites import Sprite, put_sprite
from maskwatch.simulator.truth import FilmTruth
from maskwatch.simulator.walks import Pose

_NOISE_FRAMES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneSettings:
    """What is filmed.

    Attributes:
        seed: The same seed and settings give the same pixels.
        camera: Number of the camera: chooses the corridor and, with the seed, the people.
        width: Pixels, even.
        height: Pixels, even.
        fps: Frames a second.
        duration_s: Length; rounded to whole frames.
        every_s: Mean time from one person's entry to the next one's.
        noise: Standard deviation of the sensor's noise, in grey levels.
    """

    seed: int = 0
    camera: int = 0
    width: int = 1280
    height: int = 720
    fps: float = 15.0
    duration_s: float = 60.0
    every_s: float = 3.6
    noise: float = 2.0

    @property
    def frames(self) -> int:
        """Number of frames."""
        return round(self.duration_s * self.fps)


@dataclass(slots=True)
class _Figure:
    actor: Actor
    head: Head
    front: Sprite
    back: Sprite


class Scene:
    """One simulated camera's film."""

    def __init__(self, settings: SceneSettings) -> None:
        self.settings = settings
        self._view = View(settings.width, settings.height)
        rng = np.random.default_rng([settings.seed, settings.camera, 20])
        style = STYLES[settings.camera % len(STYLES)]
        self._empty = draw_corridor(self._view, style, rng)
        self._phase = float(rng.uniform(0, 2 * np.pi))
        self._dip_s = float(rng.uniform(0.3, 0.7)) * settings.duration_s
        self._actors = arrange(self._view, settings.duration_s, rng, every_s=settings.every_s)
        self._noise = _noise_frames(settings)
        self._figures: dict[int, _Figure] = {}
        self._torsos: dict[tuple[Clothes, bool], Sprite] = {}

    def truth(self) -> FilmTruth:
        """Every passage of the film."""
        settings = self.settings
        passages = find_passages(self._view, self._actors, frames=settings.frames, fps=settings.fps)
        return FilmTruth(
            duration_s=settings.frames / settings.fps,
            fps=settings.fps,
            width=settings.width,
            height=settings.height,
            passages=passages,
        )

    def frames(self) -> Iterator[Picture]:
        """All frames in order, as planar YUV 4:2:0: shape (height * 3 / 2, width)."""
        for index in range(self.settings.frames):
            yield self.frame(index)

    def frame(self, index: int) -> Picture:
        """One frame as the sensor sees it, planar YUV 4:2:0: shape (height * 3 / 2, width)."""
        planes = cv2.cvtColor(self.picture(index), cv2.COLOR_BGR2YUV_I420)
        height = self.settings.height
        luma = planes[:height]
        gain = self._light(index / self.settings.fps)
        cv2.convertScaleAbs(luma, dst=luma, alpha=gain, beta=16 * (1 - gain))
        if self._noise:
            more, less = self._noise[(index * 5) % len(self._noise)]
            cv2.add(luma, more, dst=luma)
            cv2.subtract(luma, less, dst=luma)
        return np.asarray(planes, np.uint8)

    def picture(self, index: int) -> Picture:
        """One frame before light and noise, BGR, shape (height, width, 3)."""
        time_s = index / self.settings.fps
        picture = self._empty.copy()
        here = [
            (actor, pose) for actor in self._actors if (pose := actor.walk.pose(time_s)) is not None
        ]
        for actor, pose in sorted(here, key=lambda pair: -pair[1].z_m):
            self._draw(picture, self._figure(actor), pose)
        for person in [p for p, f in self._figures.items() if f.actor.walk.end_s < time_s]:
            del self._figures[person]
        return picture

    def _light(self, time_s: float) -> float:
        """Gain of the picture: slow daylight, and a lamp that fails for some seconds."""
        turn = 2 * np.pi * time_s / self.settings.duration_s
        gain = 0.96 + 0.08 * float(np.sin(turn + self._phase))
        return gain * (0.74 if 0 <= time_s - self._dip_s < 4.0 else 1.0)

    def _figure(self, actor: Actor) -> _Figure:
        if actor.person not in self._figures:
            self._figures[actor.person] = _Figure(
                actor=actor,
                head=Head(actor.head),
                front=self._torso(actor.clothes, is_back=False),
                back=self._torso(actor.clothes, is_back=True),
            )
        return self._figures[actor.person]

    def _torso(self, clothes: Clothes, *, is_back: bool) -> Sprite:
        key = (clothes, is_back)
        if key not in self._torsos:
            self._torsos[key] = draw_torso(clothes, is_back=is_back)
        return self._torsos[key]

    def _draw(self, picture: Picture, figure: _Figure, pose: Pose) -> None:
        face = pose.face_center(self._view, shorter_mm=figure.actor.shorter_mm)
        scale = self._view.pixels_per_mm(pose.z_m)
        is_moving = abs(pose.speed_x) + abs(pose.speed_z) > 0.1
        if pose.opacity > 0.5:
            draw_legs(
                picture,
                figure.actor.clothes,
                face=face,
                pixels_per_mm=scale,
                stride=float(np.sin(np.pi * pose.walked_m / 0.7)) if is_moving else 0.0,
                squeeze=pose.squeeze,
            )
        put_sprite(
            picture,
            figure.head.sprite(pose.yaw_deg),
            at=face,
            pixels_per_mm=scale,
            squeeze=figure.head.width_factor,
            opacity=pose.opacity,
        )
        put_sprite(
            picture,
            figure.back if pose.is_from_behind else figure.front,
            at=face,
            pixels_per_mm=scale,
            squeeze=pose.squeeze,
            opacity=pose.opacity,
        )


def _noise_frames(settings: SceneSettings) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """What the sensor's noise adds and takes, a few frames that are used in turn."""
    if settings.noise <= 0:
        return []
    rng = np.random.default_rng([settings.seed, settings.camera, 21])
    frames = []
    for _ in range(_NOISE_FRAMES):
        noise = rng.standard_normal((settings.height, settings.width), dtype=np.float32)
        noise *= settings.noise
        frames.append(
            (
                np.asarray(np.clip(np.round(noise), 0, 255), np.uint8),
                np.asarray(np.clip(np.round(-noise), 0, 255), np.uint8),
            )
        )
    return frames
