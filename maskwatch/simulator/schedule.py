"""Who walks when: a film's cast, so arranged that its truth is beyond doubt."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from maskwatch.contracts import Verdict
from maskwatch.geometry import Box
from maskwatch.simulator.bodies import Clothes, random_clothes
from maskwatch.simulator.clarity import is_clear, is_face_seen
from maskwatch.simulator.corridor import View
from maskwatch.simulator.face_masks import COLORS, FaceMask, MaskKind, Wear
from maskwatch.simulator.heads import HeadLook, random_look
from maskwatch.simulator.portraits import NAMES
from maskwatch.simulator.truth import TrueLook, TruePassage
from maskwatch.simulator.walks import Walk, WalkKind, make_walks

EMPTY_START_S: Final = 0.8
EMPTY_END_S: Final = 2.2
"""Nobody is seen at the start and at the end, so that showings of a film do not run together."""

_BAG: Final = (
    WalkKind.APPROACH, WalkKind.ACROSS, WalkKind.STAND, WalkKind.CROSS, WalkKind.APPROACH,
    WalkKind.TURN, WalkKind.ACROSS, WalkKind.LEAVE, WalkKind.BACK_ONLY, WalkKind.APPROACH,
)  # fmt: skip
_WEAR: Final = (
    Wear.WELL, Wear.NONE, Wear.WELL, Wear.NOSE_OUT, Wear.WELL, Wear.NONE, Wear.WELL, Wear.ON_CHIN,
)  # fmt: skip
_RECENT_S: Final = 5.0
_TRIES: Final = 12


@dataclass(frozen=True, slots=True)
class Actor:
    """One person in a film."""

    person: int
    walk: Walk
    head: HeadLook
    clothes: Clothes
    shorter_mm: float

    @property
    def verdict(self) -> Verdict:
        """What a perfect system says of them."""
        return self.head.mask.wear.verdict


def arrange(
    view: View, duration_s: float, rng: np.random.Generator, *, every_s: float
) -> tuple[Actor, ...]:
    """A cast that fills a film.

    Args:
        view: The camera.
        duration_s: Length of the film; all is over `EMPTY_END_S` before its end.
        rng: Decides everything.
        every_s: Mean time from one entry to the next.
    """
    actors: list[Actor] = []
    bag: list[WalkKind] = []
    wear: list[Wear] = []
    start_s = EMPTY_START_S
    while start_s < duration_s - EMPTY_END_S - 2:
        bag = bag or [_BAG[i] for i in rng.permutation(len(_BAG))]
        walks = _next_walks(view, bag, start_s, duration_s, actors, rng)
        if not walks:
            start_s += 0.7
            continue
        for walk in walks:
            wear = wear or [_WEAR[i] for i in rng.permutation(len(_WEAR))]
            actors.append(_cast(len(actors), walk, wear.pop(), rng))
        start_s += every_s * float(rng.uniform(0.8, 1.2))
    return tuple(actors)


def _next_walks(
    view: View,
    bag: list[WalkKind],
    start_s: float,
    duration_s: float,
    actors: list[Actor],
    rng: np.random.Generator,
) -> tuple[Walk, ...]:
    """Walks of the first kind in the bag that fits here; that one is taken out of the bag."""
    for kind in dict.fromkeys(bag):
        if walks := _fitting(view, kind, start_s, duration_s, actors, rng):
            bag.remove(kind)
            return walks
    return ()


def _fitting(
    view: View,
    kind: WalkKind,
    start_s: float,
    duration_s: float,
    actors: list[Actor],
    rng: np.random.Generator,
) -> tuple[Walk, ...]:
    """Walks of a kind that end in time and hide nobody for long; () where none was found."""
    for _ in range(_TRIES):
        walks = make_walks(kind, start_s, rng)
        if max(walk.end_s for walk in walks) > duration_s - EMPTY_END_S:
            continue
        others = [a.walk for a in actors if a.walk.end_s > start_s - _RECENT_S]
        together = [*others, *walks]
        if is_clear(view, together):
            return walks
    return ()


def _cast(person: int, walk: Walk, wear: Wear, rng: np.random.Generator) -> Actor:
    kind = list(MaskKind)[int(rng.integers(len(MaskKind)))]
    colors = COLORS[kind]
    mask = FaceMask(kind, wear, colors[int(rng.integers(len(colors)))])
    portrait = NAMES[int(rng.integers(len(NAMES)))]
    return Actor(
        person=person,
        walk=walk,
        head=random_look(rng, portrait=portrait, mask=mask),
        clothes=random_clothes(rng),
        shorter_mm=float(rng.uniform(-60, 60)),
    )


def find_passages(
    view: View, actors: tuple[Actor, ...], *, frames: int, fps: float
) -> tuple[TruePassage, ...]:
    """The truth of a film: each actor's looks, frame by frame, and the passages they make."""
    looks: dict[int, list[TrueLook]] = {}
    for frame in range(frames):
        for person, box in _faces_at(view, actors, frame / fps):
            looks.setdefault(person, []).append(TrueLook(frame=frame, box=box))
    passages = [
        TruePassage(
            person=actor.person,
            verdict=actor.verdict,
            start_s=seen[0].frame / fps,
            end_s=seen[-1].frame / fps,
            looks=tuple(seen),
        )
        for actor in actors
        if actor.walk.kind is not WalkKind.BACK_ONLY and (seen := looks.get(actor.person))
    ]
    return tuple(sorted(passages, key=lambda passage: passage.start_s))


def _faces_at(view: View, actors: tuple[Actor, ...], time_s: float) -> list[tuple[int, Box]]:
    here = [(actor, pose) for actor in actors if (pose := actor.walk.pose(time_s)) is not None]
    faces = []
    for actor, pose in here:
        bodies = [
            other.body_box(view, shorter_mm=them.shorter_mm)
            for them, other in here
            if other.z_m < pose.z_m
        ]
        box = pose.face_box(view, shorter_mm=actor.shorter_mm)
        if is_face_seen(view, pose, box, bodies):
            clipped = box.clipped(view.width, view.height)
            faces.append((actor.person, Box(*(round(value, 1) for value in clipped.as_list()))))
    return faces
