"""Reading ahead keeps order, bounds its work, and passes failures on where they belong."""

import threading
from collections.abc import Iterator

import pytest

from maskwatch.commands.analysis.ahead import iterated_ahead, mapped_ahead


def test_results_come_in_the_order_of_the_items() -> None:
    first_may_end = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert first_may_end.wait(5)
        else:
            first_may_end.set()
        return item * 10

    assert list(mapped_ahead(work, range(5), threads=2, ahead=4)) == [0, 10, 20, 30, 40]


def test_no_more_than_so_many_items_are_in_work() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for n in range(100):
            taken.append(n)
            yield n

    results = mapped_ahead(lambda n: n, items(), threads=2, ahead=4)
    next(results)
    assert len(taken) <= 5


def test_items_of_another_thread_come_in_order() -> None:
    assert list(iterated_ahead(iter(range(50)), ahead=3)) == list(range(50))


def test_a_failure_comes_behind_the_last_item() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("cut off")

    ahead = iterated_ahead(items(), ahead=2)
    assert [next(ahead), next(ahead)] == [1, 2]
    with pytest.raises(ValueError, match="cut off"):
        next(ahead)


def test_leaving_early_ends_the_thread() -> None:
    endless = iterated_ahead(iter(int, 1), ahead=2)
    next(endless)
    endless.close()
    assert not any(thread.name == "ahead" for thread in threading.enumerate())
