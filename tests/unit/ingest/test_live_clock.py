from itertools import pairwise

import numpy as np
import pytest

from ingest.live_clock import LiveClock


def times(media: list[float], arrivals: list[float]) -> list[float]:
    clock = LiveClock()
    return [clock.time_of(own_s, at_s) for own_s, at_s in zip(media, arrivals, strict=True)]


def test_the_sources_own_time_counts_whatever_the_network_does_to_it() -> None:
    media = [number / 25 for number in range(3000)]
    late = np.random.default_rng(1).uniform(0, 1.5, len(media))
    arrivals = np.maximum.accumulate(np.array(media) + late).tolist()
    assert times(media, arrivals) == pytest.approx(media)


def test_what_a_stall_has_held_back_is_as_far_apart_as_it_was_taken() -> None:
    media = [number / 25 for number in range(1500)]
    arrivals = [28.0 if 20 <= time_s < 28 else time_s for time_s in media]
    assert times(media, arrivals) == pytest.approx(media)


@pytest.mark.parametrize("speed", [0.0, 0.08, 0.4, 2.5, 40.0])
def test_a_clock_of_another_speed_is_left_for_arrival(speed: float) -> None:
    arrivals = [number / 10 for number in range(600)]
    found = times([at_s * speed for at_s in arrivals], arrivals)
    assert found[-1] - found[150] == pytest.approx(arrivals[-1] - arrivals[150])


def test_a_clock_that_keeps_time_again_is_believed_again() -> None:
    arrivals = [float(number // 25) for number in range(3000)]
    media = [
        0.4 * number / 25 if number < 500 else 8 + (number - 500) / 25 for number in range(3000)
    ]
    found = times(media, arrivals)
    steps = [later - before for before, later in pairwise(found[1000:])]
    assert steps == pytest.approx([0.04] * len(steps))


def test_a_leap_of_the_stamps_does_not_stop_the_time_or_turn_it_back() -> None:
    arrivals = [number / 25 for number in range(1500)]
    media = [at_s + (1800.0 if at_s > 30 else 0.0) for at_s in arrivals]
    found = times(media, arrivals)
    assert all(later > before for before, later in pairwise(found))
    assert found[-1] - found[1000] == pytest.approx(arrivals[-1] - arrivals[1000])
