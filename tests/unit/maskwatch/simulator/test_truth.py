"""The truth of a film, shown once or again and again."""

from pathlib import Path

from maskwatch.contracts import Verdict
from maskwatch.geometry import Box
from maskwatch.simulator.truth import FilmTruth, TrueLook, TruePassage


def _truth() -> FilmTruth:
    def passage(person: int, verdict: Verdict, end_s: float) -> TruePassage:
        look = TrueLook(frame=int(end_s * 10), box=Box(1.5, 2.0, 30.0, 40.0))
        return TruePassage(
            person=person, verdict=verdict, start_s=end_s - 2, end_s=end_s, looks=(look,)
        )

    return FilmTruth(
        duration_s=20.0,
        fps=10.0,
        width=1280,
        height=720,
        passages=(passage(0, Verdict.MASK, 5.0), passage(1, Verdict.INCORRECT, 12.0)),
    )


def test_passages_count_when_they_have_ended() -> None:
    truth = _truth()

    assert truth.ended_by(4.9) == {"mask": 0, "no_mask": 0, "incorrect": 0}
    assert truth.ended_by(5.0) == {"mask": 1, "no_mask": 0, "incorrect": 0}
    assert truth.ended_by(19.9) == truth.totals()


def test_a_film_that_is_shown_again_counts_again() -> None:
    truth = _truth()

    assert truth.ended_by(46.0) == {"mask": 3, "no_mask": 0, "incorrect": 2}


def test_truth_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    truth = _truth()

    truth.save(tmp_path / "truth.json")

    assert FilmTruth.load(tmp_path / "truth.json") == truth
