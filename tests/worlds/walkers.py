"""A small world of walking faces, whose true number of passages is known in advance.

No pictures: it makes the `Face` values that a detector would, with jitter, misses, faces hidden by
nearer ones, people who turn away or stop, and false alarms. Same seed, same world.
"""

from dataclasses import dataclass

import numpy as np

from maskwatch.contracts import CLASSES, Face, Verdict
from maskwatch.geometry import Box, boxes_to_array, iou_matrix

SIZE = (1280, 720)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walker:
    """One person's way through the picture.

    Attributes:
        enters_s: When the centre is at `start`.
        start: Centre at the beginning, pixels.
        speed: Pixels a second, (x, y).
        height: Face height at the beginning, pixels.
        growth: Face height is multiplied by this every second (walks towards the camera).
        leaves_s: End of the walk.
        away: Stretches (from, until) in which no face is to be seen, seconds.
        pauses: Stretches in which the person stands still.
        verdict: The truth.
    """

    enters_s: float
    start: tuple[float, float]
    speed: tuple[float, float]
    leaves_s: float
    height: float = 60.0
    growth: float = 1.0
    away: tuple[tuple[float, float], ...] = ()
    pauses: tuple[tuple[float, float], ...] = ()
    verdict: Verdict = Verdict.MASK

    def box_at(self, time_s: float) -> Box | None:
        """Where the face is; None where it is not in the picture or turned away."""
        if not self.enters_s <= time_s <= self.leaves_s:
            return None
        if any(start <= time_s < end for start, end in self.away):
            return None
        walked_s = time_s - self.enters_s
        for start, end in self.pauses:
            walked_s -= min(max(time_s - start, 0.0), end - start)
        height = self.height * self.growth**walked_s
        x = self.start[0] + self.speed[0] * walked_s
        y = self.start[1] + self.speed[1] * walked_s
        width = height * 0.8
        if not (width / 4 < x < SIZE[0] - width / 4 and height / 4 < y < SIZE[1] - height / 4):
            return None
        return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """How faces are found.

    Attributes:
        miss: Share of the faces that are missed.
        jitter: Standard deviation of each edge, face heights.
        false_alarms: Mean number in a frame, each in a place of its own.
        weak: Share of the faces found with a low score only.
    """

    miss: float = 0.05
    jitter: float = 0.05
    false_alarms: float = 0.02
    weak: float = 0.1


def frames(
    walkers: list[Walker],
    *,
    fps: float,
    seconds: float,
    seed: int,
    detector: Detector | None = None,
) -> list[tuple[float, list[Face]]]:
    """Time and faces of every frame."""
    rng = np.random.default_rng(seed)
    detector = detector or Detector()
    return [
        (index / fps, _look(walkers, index / fps, rng, detector))
        for index in range(int(seconds * fps))
    ]


def crowd(*, people: int, seconds: float, seed: int) -> list[Walker]:
    """People who cross in both directions, towards the camera, stop, and turn away."""
    rng = np.random.default_rng(seed)
    return [_somebody(rng, seconds) for _ in range(people)]


def _somebody(rng: np.random.Generator, seconds: float) -> Walker:
    height = float(rng.uniform(40, 90))
    enters_s = float(rng.uniform(0, seconds - 12))
    verdict = Verdict(rng.choice(CLASSES))
    if rng.random() < 0.35:
        # Towards the camera: grows, drifts a little, leaves below.
        start = (float(rng.uniform(200, 1080)), float(rng.uniform(120, 220)))
        speed = (float(rng.uniform(-40, 40)), float(rng.uniform(60, 110)))
        return Walker(
            enters_s=enters_s, start=start, speed=speed, height=height * 0.7, growth=1.12,
            leaves_s=enters_s + 10, verdict=verdict,
        )  # fmt: skip
    to_right = rng.random() < 0.5
    pace = height * float(rng.uniform(2.5, 6.0))
    start = (0.0 if to_right else float(SIZE[0]), float(rng.uniform(120, 600)))
    away: tuple[tuple[float, float], ...] = ()
    pauses: tuple[tuple[float, float], ...] = ()
    if rng.random() < 0.3:
        begins = enters_s + float(rng.uniform(0.8, 2.0))
        away = ((begins, begins + float(rng.uniform(0.4, 1.2))),)
    if rng.random() < 0.2:
        begins = enters_s + float(rng.uniform(1.0, 2.0))
        pauses = ((begins, begins + float(rng.uniform(1.0, 3.0))),)
    return Walker(
        enters_s=enters_s, start=start, speed=(pace if to_right else -pace, 0.0), height=height,
        leaves_s=seconds, away=away, pauses=pauses, verdict=verdict,
    )  # fmt: skip


def _look(
    walkers: list[Walker], time_s: float, rng: np.random.Generator, detector: Detector
) -> list[Face]:
    visible = [(walker, box) for walker in walkers if (box := walker.box_at(time_s))]
    # The nearer, larger face hides the other.
    visible.sort(key=lambda pair: -pair[1].height)
    faces: list[Face] = []
    shown: list[Box] = []
    for walker, box in visible:
        overlap = iou_matrix(boxes_to_array([box]), boxes_to_array(shown))
        draw = rng.random(3)
        is_hidden = bool(overlap.size and overlap.max() > 0.25)
        shown.append(box)
        if is_hidden or draw[0] < detector.miss:
            continue
        edges = np.array(box.as_list()) + rng.normal(0, detector.jitter * box.height, 4)
        score = 0.3 if draw[1] < detector.weak else 0.9
        faces.append(_face(Box(*edges.tolist()), score, walker.verdict, draw[2]))
    for _ in range(rng.poisson(detector.false_alarms)):
        x, y, height = rng.uniform((50, 50, 30), (1200, 650, 80)).tolist()
        faces.append(_face(Box(x, y, x + height, y + height), 0.6, Verdict.NO_MASK, 0.5))
    order = rng.permutation(len(faces))
    return [faces[index] for index in order]


def _face(box: Box, score: float, verdict: Verdict, draw: float) -> Face:
    # One look in ten is read wrongly.
    name = verdict.value if draw > 0.1 else CLASSES[(CLASSES.index(verdict.value) + 1) % 3]
    probabilities = dict.fromkeys(CLASSES, 0.1) | {name: 0.8}
    return Face(box=box, score=score, label=Verdict(name), probabilities=probabilities, quality=0.7)
