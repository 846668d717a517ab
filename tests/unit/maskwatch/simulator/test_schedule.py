"""Casts of films: the truth they promise."""

import numpy as np
import pytest

from maskwatch.contracts import CLASSES
from maskwatch.simulator.corridor import View
from maskwatch.simulator.schedule import (
    EMPTY_END_S,
    EMPTY_START_S,
    Actor,
    arrange,
    find_passages,
)
from maskwatch.simulator.truth import MAX_HIDDEN_S, MIN_FACE_PX, MIN_SHOWN_S
from maskwatch.simulator.walks import WalkKind

VIEW = View(1280, 720)
FPS = 15.0
SECONDS = 60.0


def _cast(seed: int) -> tuple[Actor, ...]:
    return arrange(VIEW, SECONDS, np.random.default_rng(seed), every_s=3.6)


def test_the_same_seed_gives_the_same_cast_and_another_another() -> None:
    assert _cast(1) == _cast(1)
    assert _cast(1) != _cast(2)


@pytest.mark.parametrize("seed", range(3))
def test_the_corridor_is_empty_at_the_start_and_at_the_end(seed: int) -> None:
    cast = _cast(seed)

    assert min(actor.walk.start_s for actor in cast) >= EMPTY_START_S
    assert max(actor.walk.end_s for actor in cast) <= SECONDS - EMPTY_END_S


@pytest.mark.parametrize("seed", range(3))
def test_every_passage_shows_its_face_long_enough_and_is_never_hidden_for_long(seed: int) -> None:
    passages = find_passages(VIEW, _cast(seed), frames=int(SECONDS * FPS), fps=FPS)

    for passage in passages:
        frames = [look.frame for look in passage.looks]
        tall = [look for look in passage.looks if look.box.height >= MIN_FACE_PX]
        # Height and seat of the face differ a little from the plan that was checked.
        assert len(tall) / FPS >= MIN_SHOWN_S - 0.4
        assert max(np.diff(frames)) / FPS <= MAX_HIDDEN_S + 0.3


def test_a_minute_holds_every_verdict_and_somebody_who_never_shows_a_face() -> None:
    cast = _cast(1)
    passages = find_passages(VIEW, cast, frames=int(SECONDS * FPS), fps=FPS)

    assert {passage.verdict.value for passage in passages} == set(CLASSES)
    from_behind = {a.person for a in cast if a.walk.kind is WalkKind.BACK_ONLY}
    assert from_behind
    assert from_behind.isdisjoint(passage.person for passage in passages)
    assert len(passages) + len(from_behind) == len(cast)


def test_faces_are_as_tall_as_cameras_in_malls_see_them() -> None:
    passages = find_passages(VIEW, _cast(2), frames=int(SECONDS * FPS), fps=FPS)

    tallest = [max(look.box.height for look in passage.looks) for passage in passages]

    assert min(tallest) >= MIN_FACE_PX
    assert max(tallest) <= 200


def test_looks_lie_inside_the_picture() -> None:
    passages = find_passages(VIEW, _cast(0), frames=int(SECONDS * FPS), fps=FPS)

    boxes = [look.box for passage in passages for look in passage.looks]
    assert all(0 <= b.x1 < b.x2 <= VIEW.width and 0 <= b.y1 < b.y2 <= VIEW.height for b in boxes)
