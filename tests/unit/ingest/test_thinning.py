import numpy as np
import pytest

from ingest.thinning import Thinner


def kept(thinner: Thinner, times: list[float]) -> list[float]:
    return [time_s for time_s in times if thinner.is_due(time_s)]


@pytest.mark.parametrize(
    ("source_fps", "fps", "expected"),
    [(25, 5, 300), (25, 4, 240), (30, 5, 300), (12.5, 5, 300), (25, 10, 600), (15, 7, 420)],
)
def test_the_average_rate_is_exact(source_fps: float, fps: float, expected: int) -> None:
    times = [number / source_fps for number in range(round(60 * source_fps))]
    assert abs(len(kept(Thinner(fps, source_fps=source_fps), times)) - expected) <= 1


@pytest.mark.parametrize("fps", [5.0, 6.0, 25.0])
def test_a_source_no_faster_than_wanted_loses_nothing_to_its_jitter(fps: float) -> None:
    jitter = np.random.default_rng(3)
    times = [number / 5 + jitter.uniform(-0.04, 0.04) for number in range(300)]
    assert len(kept(Thinner(fps, source_fps=5), times)) == 300


def test_a_source_that_does_not_state_its_rate_is_thinned_as_well() -> None:
    times = [number / 25 for number in range(1500)]
    assert abs(len(kept(Thinner(5), times)) - 300) <= 1


def test_jitter_of_the_network_does_not_change_the_rate() -> None:
    jitter = np.random.default_rng(3)
    times = sorted(number / 25 + jitter.uniform(0, 0.06) for number in range(1500))
    assert abs(len(kept(Thinner(5, source_fps=25), times)) - 300) <= 2


def test_a_gap_is_not_made_up_for_by_a_burst() -> None:
    thinner = Thinner(5, source_fps=25)
    kept(thinner, [number / 25 for number in range(100)])
    after = kept(thinner, [60 + number / 25 for number in range(25)])
    assert 5 <= len(after) <= 6


def test_pictures_that_arrive_together_count_as_one() -> None:
    thinner = Thinner(5, source_fps=25)
    assert len(kept(thinner, [1.0] * 50)) == 1


def test_a_clock_that_jumps_back_does_not_stop_the_pictures() -> None:
    thinner = Thinner(5, source_fps=25)
    kept(thinner, [1000 + number / 25 for number in range(100)])
    assert len(kept(thinner, [number / 25 for number in range(100)])) == 20


def test_the_same_times_keep_the_same_pictures() -> None:
    jitter = np.random.default_rng(5)
    times = sorted(jitter.uniform(0, 60) for _ in range(1000))
    assert kept(Thinner(5, source_fps=17), times) == kept(Thinner(5, source_fps=17), times)
