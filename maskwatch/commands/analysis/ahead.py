"""Reading ahead on other threads, so that the networks need not wait for the disk."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def mapped_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], *, threads: int, ahead: int
) -> Iterator[Result]:
    """Yield `function(item)` in the order of the items, working on up to `ahead` of them at once.

    What the function raises is raised where its result would have come.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="ahead") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def iterated_ahead(items: Iterable[Item], *, ahead: int) -> Generator[Item, None, None]:
    """Yield the items of an iterable that another thread goes through, up to `ahead` in advance.

    What the iterable raises is raised behind its last item.
    """
    handed: queue.Queue[Future[Item] | None] = queue.Queue(ahead)
    stop = threading.Event()
    thread = threading.Thread(
        target=_go_through, args=(items, handed, stop), name="ahead", daemon=True
    )
    thread.start()
    try:
        while (future := handed.get()) is not None:
            yield future.result()
    finally:
        stop.set()
        thread.join()


def _go_through(
    items: Iterable[Item], handed: "queue.Queue[Future[Item] | None]", stop: threading.Event
) -> None:
    def hand(future: Future[Item] | None) -> None:
        while not stop.is_set():
            with suppress(queue.Full):
                handed.put(future, timeout=0.1)
                return

    try:
        for item in items:
            future: Future[Item] = Future()
            future.set_result(item)
            hand(future)
            if stop.is_set():
                return
    except BaseException as error:  # raised again by the thread that asked for the items
        failed: Future[Item] = Future()
        failed.set_exception(error)
        hand(failed)
    hand(None)
