"""Two ways of joining looks are compared on passages whose truth is known."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from maskwatch.contracts import CLASSES, Face, Verdict
from maskwatch.geometry import Box
from tests.benchmarks import verdict_pools
from training.classifier.crop_cache import CACHE_SIDE_PX, Crop, CropCache


def look(probabilities: Sequence[float], *, quality: float = 1.0, readable: bool = True) -> Face:
    given = dict(zip(CLASSES, probabilities, strict=True))
    label = max(given, key=given.__getitem__)
    return Face(
        box=Box(0, 0, 40, 40),
        score=1.0,
        label=Verdict(label) if readable else Verdict.UNREADABLE,
        probabilities=given,
        quality=quality,
    )


def test_the_two_means_are_what_they_are_called() -> None:
    looks = [look([0.81, 0.09, 0.10]), look([0.01, 0.89, 0.10])]

    assert verdict_pools.arithmetic(looks)["mask"] == pytest.approx(0.41)
    # 0.01 counts as 0.02: the roots of 0.81 * 0.02, 0.09 * 0.89 and 0.1 * 0.1, over their sum.
    assert verdict_pools.geometric(looks)["mask"] == pytest.approx(0.12728 / 0.51030, abs=1e-4)


def test_passages_are_judged_against_the_truth() -> None:
    passages = [[look([0.8, 0.1, 0.1])], [look([0.2, 0.7, 0.1])], [look([0.4, 0.35, 0.25])]]

    wrong, unreadable, loss = verdict_pools.judged(passages, "mask", verdict_pools.arithmetic)

    assert (wrong, unreadable) == pytest.approx((1 / 3, 1 / 3))
    assert loss == pytest.approx(-np.log([0.8, 0.2, 0.4]).mean())


def test_passages_are_made_of_readable_looks_that_weigh_enough() -> None:
    faces = [look([0.8, 0.1, 0.1]), look([0.1, 0.8, 0.1], readable=False)]
    made = verdict_pools.made_passages(faces, count=200, seed=3)

    assert made == verdict_pools.made_passages(faces, count=200, seed=3)
    assert 100 < len(made) < 200
    assert max(len(looks) for looks in made) > 40
    assert all(each.label is Verdict.MASK for looks in made for each in looks)


def test_the_table_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    size = (6, CACHE_SIDE_PX, CACHE_SIDE_PX, 3)
    pixels = np.random.default_rng(1).integers(0, 255, size, np.uint8)
    crops = tuple(
        Crop("made", f"{split}{name}.png", "", split, name, 100.0, 100.0)
        for split in ("val", "test") for name in CLASSES
    )  # fmt: skip
    monkeypatch.setattr(verdict_pools, "open_cache", lambda _: CropCache(pixels, crops))
    monkeypatch.setattr(verdict_pools, "PASSAGES", 10)

    verdict_pools.main(Path())

    rows = capsys.readouterr().out.splitlines()
    assert [row.split("|")[1].strip() for row in rows[1:]] == [
        f"{split}, {name}" for split in ("val", "test") for name in CLASSES
    ]
