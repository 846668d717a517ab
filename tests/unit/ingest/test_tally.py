from ingest.tally import Tally
from maskwatch.contracts import CameraState, Reject


def test_a_watch_carries_its_stretch_and_the_next_begins_at_zero() -> None:
    tally = Tally("door", "e1")
    tally.captured(25)
    for _ in range(5):
        tally.offered()
    tally.rejected(Reject.DARK)
    tally.dropped((1, 0))
    first = tally.close(10.0, 11.0, state=CameraState.LIVE)
    second = tally.close(11.0, 12.0, state=CameraState.LIVE, is_last=True)
    assert (first.tick, first.captured, first.offered, first.last_sequence) == (0, 25, 5, 4)
    assert (first.rejected, first.dropped_sequences) == ({"dark": 1}, (0, 1))
    assert (second.tick, second.captured, second.offered, second.last_sequence) == (1, 0, 0, 4)
    assert (second.rejected, second.dropped_sequences, second.is_last) == ({}, (), True)
    assert (tally.captured_total, tally.offered_total, tally.dropped_total) == (25, 5, 2)


def test_a_picture_overtaken_before_it_was_offered_is_counted_as_dropped() -> None:
    tally = Tally("door", "e1")
    tally.offered()
    tally.overtaken(2)
    tally.offered()
    watch = tally.close(0.0, 1.0, state=CameraState.LIVE)
    assert (watch.offered, watch.dropped_sequences, watch.last_sequence) == (4, (1, 2), 3)


def test_what_was_dropped_is_told_even_where_a_stretch_is_forgotten() -> None:
    tally = Tally("door", "e1")
    tally.captured(5)
    tally.offered()
    tally.dropped((0,))
    tally.forget_stretch()
    watch = tally.close(0.0, 1.0, state=CameraState.LIVE)
    assert (watch.captured, watch.offered, watch.dropped_sequences) == (0, 0, (0,))
