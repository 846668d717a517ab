"""One verdict from many looks."""

import json
from dataclasses import replace

import pytest

from maskwatch.contracts import CLASSES, Face, Verdict
from maskwatch.geometry import Box
from workers.verdict import Votes


def look(
    name: str, probability: float = 0.9, *, quality: float = 0.8, readable: bool = True
) -> Face:
    rest = (1 - probability) / 2
    return Face(
        box=Box(0, 0, 40, 40),
        score=0.9,
        label=Verdict(name) if readable else Verdict.UNREADABLE,
        probabilities=dict.fromkeys(CLASSES, rest) | {name: probability},
        quality=quality,
    )


def votes(*looks: Face) -> Votes:
    total = Votes()
    for each in looks:
        total = total.with_look(each)
    return total


def test_the_majority_of_equal_looks_decides() -> None:
    assert votes(look("mask"), look("mask"), look("no_mask")).verdict() is Verdict.MASK


def test_a_good_look_outweighs_poor_ones() -> None:
    poor = [look("mask", 0.6, quality=0.1)] * 3

    assert votes(*poor, look("incorrect", 0.95, quality=0.9)).verdict() is Verdict.INCORRECT


def test_one_look_that_is_wrong_and_very_sure_does_not_outvote_the_rest() -> None:
    sure = look("no_mask", 0.999999, quality=1.0)

    assert votes(sure, *[look("mask", 0.8, quality=0.7)] * 5).verdict() is Verdict.MASK


def test_the_verdict_has_the_mean_of_the_probabilities_weighted_by_quality() -> None:
    total = votes(look("mask", 0.9, quality=0.8), look("no_mask", 0.6, quality=0.2))

    assert total.probabilities() == pytest.approx(
        {"mask": 0.8 * 0.9 + 0.2 * 0.2, "no_mask": 0.8 * 0.05 + 0.2 * 0.6, "incorrect": 0.08}
    )


def test_looks_that_are_sure_outvote_no_more_than_their_share_of_the_others() -> None:
    """A face turned away for a while is read wrongly, and surely, many times over."""
    turned = [look("no_mask", 0.99, quality=1.0)] * 4

    assert votes(*turned, *[look("mask", 0.85, quality=0.8)] * 8).verdict() is Verdict.MASK


def test_looks_without_probabilities_are_no_verdict() -> None:
    blank = replace(look("mask"), probabilities={})

    assert votes(blank).verdict() is Verdict.UNREADABLE
    assert votes(blank).probabilities() == dict.fromkeys(CLASSES, 0.0)


def test_repeating_a_look_does_not_make_it_surer() -> None:
    once, often = votes(look("mask", 0.7)), votes(*[look("mask", 0.7)] * 50)

    assert often.probabilities()["mask"] == pytest.approx(once.probabilities()["mask"])
    assert sum(often.probabilities().values()) == pytest.approx(1.0)


def test_unreadable_looks_are_counted_and_do_not_vote() -> None:
    total = votes(*[look("no_mask", 0.99, readable=False)] * 9, look("mask"))

    assert (total.looks, total.readable, total.verdict()) == (10, 1, Verdict.MASK)


def test_nothing_readable_is_unreadable() -> None:
    total = votes(*[look("mask", readable=False)] * 5)

    assert total.verdict() is Verdict.UNREADABLE
    assert total.probabilities() == dict.fromkeys(CLASSES, 0.0)


def test_too_little_evidence_is_unreadable() -> None:
    assert votes(look("mask", quality=0.1)).verdict() is Verdict.UNREADABLE
    assert votes(*[look("mask", quality=0.1)] * 3).verdict() is Verdict.MASK


def test_looks_that_contradict_each_other_are_unreadable() -> None:
    assert votes(look("mask"), look("no_mask"), look("incorrect")).verdict() is Verdict.UNREADABLE


def test_a_classifier_of_two_classes_never_says_incorrect() -> None:
    face = Face(
        box=Box(0, 0, 40, 40), score=0.9, label=Verdict.NO_MASK,
        probabilities={"mask": 0.2, "no_mask": 0.8}, quality=0.8,
    )  # fmt: skip

    assert votes(face).verdict() is Verdict.NO_MASK


def test_votes_survive_json_to_the_last_digit() -> None:
    total = votes(look("mask", 0.1 + 0.2, quality=1 / 3), look("incorrect", 0.7, quality=1 / 7))

    assert Votes.from_json(json.loads(json.dumps(total.as_json()))) == total


def test_votes_of_an_earlier_version_keep_their_looks_and_no_verdict() -> None:
    total = Votes.from_json([12, 10, 7.0, [-1.0, -9.0, -20.0]])

    assert (total.looks, total.readable, total.verdict()) == (12, 0, Verdict.UNREADABLE)
