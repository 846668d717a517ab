import pytest

from ingest.media_clock import MediaClock


def times(stamps: list[float | None]) -> list[float]:
    clock = MediaClock(25.0)
    return [round(clock.time_of(stamp), 6) for stamp in stamps]


def test_the_first_picture_is_at_zero() -> None:
    assert times([7.0, 7.04, 7.08]) == [0.0, 0.04, 0.08]


@pytest.mark.parametrize(
    "stamps",
    [
        [None, None, None, None],
        [0.0, 0.0, 0.0, 0.0],
        [5.0, 5.04, 1.0, 1.04],
        [5.0, 5.04, 50_000.0, 50_000.04],
        [None, None, 3.0, 3.04],
    ],
    ids=["missing", "repeated", "backwards", "hours ahead", "late"],
)
def test_broken_stamps_count_one_step_each(stamps: list[float | None]) -> None:
    assert times(stamps) == [0.0, 0.04, 0.08, 0.12]


def test_a_pause_stays_a_pause() -> None:
    assert times([0.0, 0.04, 30.0, 30.04]) == [0.0, 0.04, 30.0, 30.04]


@pytest.mark.parametrize("stamp_s", [None, 7.0], ids=["missing", "constant"])
def test_a_live_picture_without_a_useful_stamp_counts_as_long_as_it_was_waited_for(
    stamp_s: float | None,
) -> None:
    clock = MediaClock(25.0)
    found = [clock.time_of(stamp_s, waited_s=waited_s) for waited_s in (0.0, 0.1, 0.1, 0.0, 0.5)]
    assert found == pytest.approx([0.0, 0.1, 0.2, 0.2005, 0.7005])


def test_a_good_stamp_counts_more_than_the_wait() -> None:
    clock = MediaClock(25.0)
    stamps = [3.0, 3.04, 3.08]
    assert [clock.time_of(s, waited_s=0.0) for s in stamps] == pytest.approx([0, 0.04, 0.08])
