from ingest.backoff import Backoff


def test_waits_grow_to_the_longest_and_stay_there() -> None:
    backoff = Backoff(1.0, 60.0, seed=1)
    waits = [backoff.next_s() for _ in range(2000)]
    assert all(1.0 <= wait <= 60.0 for wait in waits)
    assert waits[0] <= 2.0
    assert waits[1] <= 4.0
    assert 28 < sum(waits[100:]) / len(waits[100:]) < 33


def test_cameras_that_were_lost_together_do_not_come_back_together() -> None:
    waits = set()
    for seed in range(10):
        backoff = Backoff(1.0, 60.0, seed=seed)
        waits.add([backoff.next_s() for _ in range(8)][-1])
    assert len(waits) == 10


def test_a_good_picture_makes_the_next_wait_short_again() -> None:
    backoff = Backoff(1.0, 60.0, seed=1)
    for _ in range(50):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= 2.0
