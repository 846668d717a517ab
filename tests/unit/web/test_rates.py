"""Rates that are told from totals."""

from maskwatch.contracts import CameraState, CameraStatus
from web.rates import WINDOW_S, DroppedRates


def _status(dropped: int, *, epoch: str = "e") -> CameraStatus:
    return CameraStatus(
        camera="hall",
        state=CameraState.LIVE,
        updated_at_unix_s=0.0,
        dropped_total=dropped,
        epoch=epoch,
    )


class _Asked:
    """Asks at the times of a clock that stands still."""

    def __init__(self) -> None:
        self._now = 0.0
        self._rates = DroppedRates(clock=lambda: self._now)

    def at(self, now: float, status: CameraStatus) -> float | None:
        self._now = now
        return self._rates.measure([status]).get("hall")


def test_the_rate_of_dropped_pictures_is_that_of_the_last_seconds() -> None:
    asked = _Asked()
    assert asked.at(0.0, _status(100)) is None
    assert asked.at(1.0, _status(103)) == 3.0
    for second in range(2, 12):
        asked.at(float(second), _status(103))
    assert asked.at(12.0, _status(103)) == 0.0


def test_totals_that_begin_anew_are_no_negative_rate() -> None:
    asked = _Asked()
    asked.at(0.0, _status(100, epoch="1"))
    asked.at(1.0, _status(110, epoch="1"))
    assert asked.at(2.0, _status(4, epoch="2")) is None
    assert asked.at(4.0, _status(8, epoch="2")) == 2.0


def test_who_asks_after_a_long_time_gets_no_rate_of_long_ago() -> None:
    asked = _Asked()
    asked.at(0.0, _status(0))
    asked.at(1.0, _status(50))
    assert asked.at(1.0 + 2 * WINDOW_S, _status(90)) is None
