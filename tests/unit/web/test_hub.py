"""One reader for all viewers: the slow lose pictures, and nobody waits for them."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis

from maskwatch.bus import Views
from maskwatch.contracts import Camera
from web.hub import Hub, HubFullError, Picture, Viewer
from web.services import Services, max_viewers


def _picture(camera: str, sequence: int) -> Picture:
    return Picture(camera, b"jpeg", sequence, time.time())


def _publish(views: Views, camera: str, sequence: int) -> None:
    now = time.time()
    meta = {"captured_at_unix_s": now, "analysed_at_unix_s": now, "sequence": sequence}
    views.publish(camera, b"%d" % sequence, meta, offered_at_unix_s=now)


def _until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 10
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def _pictures(viewer: Viewer) -> Picture | None:
    message = viewer.take(0.5)
    return message if isinstance(message, Picture) else None


@pytest.fixture
def hub(shared: Services) -> Hub:
    """The hub of an application with two cameras."""
    for name in ("a", "b"):
        shared.cameras.add(Camera(name=name, url="rtsp://192.0.2.1/s"))
    return shared.hub


def test_a_viewer_that_is_slow_gets_the_newest_picture_of_each_camera() -> None:
    viewer = Viewer(None)
    for sequence in range(5):
        viewer.put(_picture("a", sequence))
        viewer.put(_picture("b", sequence))
    taken = [viewer.take(0), viewer.take(0), viewer.take(0)]
    assert [(p.camera, p.sequence) for p in taken if isinstance(p, Picture)] == [("a", 4), ("b", 4)]
    assert taken[2] is None
    assert viewer.replaced == 8


def test_no_camera_waits_behind_another_that_is_faster() -> None:
    viewer = Viewer(None)
    viewer.put(_picture("fast", 0))
    viewer.put(_picture("slow", 0))
    assert _pictures(viewer).camera == "fast"  # type: ignore[union-attr]
    viewer.put(_picture("fast", 1))
    assert _pictures(viewer).camera == "slow"  # type: ignore[union-attr]


def test_a_message_is_a_header_and_the_jpeg() -> None:
    now = time.time()
    message = Picture("hall", b"\xff\xd8", 7, now - 2).message(now)
    length = int.from_bytes(message[:4], "big")
    assert message[4 : 4 + length] == b'{"camera": "hall", "sequence": 7, "age_s": 2.0}'
    assert message[4 + length :] == b"\xff\xd8"


def test_cameras_are_drawn_only_while_somebody_watches(hub: Hub, redis_client: redis.Redis) -> None:
    views = Views(redis_client)
    assert views.watched(["a", "b"]) == set()
    viewer = hub.join(["a"])
    _until(lambda: views.watched(["a", "b"]) == {"a"})
    hub.leave(viewer)
    redis_client.delete("watched:a")  # instead of waiting for its five seconds
    assert hub.viewers == 0
    assert views.watched(["a", "b"]) == set()


def test_two_viewers_share_one_reader_and_each_gets_its_own_cameras(
    hub: Hub, redis_client: redis.Redis
) -> None:
    views = Views(redis_client)
    both, only_b = hub.join(None), hub.join(["b"])
    _until(lambda: views.watched(["a", "b"]) == {"a", "b"})
    _publish(views, "a", 1)
    _publish(views, "b", 1)
    seen = {_until(lambda: _pictures(both)).camera, _until(lambda: _pictures(both)).camera}
    assert seen == {"a", "b"}
    assert _until(lambda: _pictures(only_b)).camera == "b"
    _publish(views, "a", 2)
    _until(lambda: _pictures(both))
    assert _pictures(only_b) is None
    assert sum(thread.name.startswith("hub-") for thread in threading.enumerate()) == 2


def test_everybody_is_told_the_state_of_all_cameras(hub: Hub) -> None:
    viewer = hub.join(["a"])
    text = _until(lambda: viewer.take(0.5))
    assert '"type": "status"' in text
    assert '"name": "b"' in text


def test_there_is_an_end_to_the_viewers_but_not_to_the_threads_for_pages(shared: Services) -> None:
    limit = max_viewers(shared.settings.web.threads)
    assert limit < shared.settings.web.threads
    viewers = [shared.hub.join(["a"]) for _ in range(limit)]
    with pytest.raises(HubFullError, match="threads"):
        shared.hub.join(["a"])
    shared.hub.leave(viewers[0])
    shared.hub.join(["a"])


def test_one_bad_message_does_not_end_the_wall(
    hub: Hub, redis_client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    views = Views(redis_client)
    viewer = hub.join(["a"])
    _until(lambda: views.watched(["a"]))
    redis_client.xadd("view:a", {b"j": b"x", b"m": b"no json"}, id="1-0")
    _until(lambda: "live pictures failed" in caplog.text)
    _publish(views, "a", 7)
    assert _until(lambda: _pictures(viewer)).sequence == 7


def test_stopping_lets_every_viewer_go(hub: Hub) -> None:
    viewer = hub.join(None)
    hub.stop()
    assert viewer.is_closed
    assert viewer.take(5) is None
    assert hub.join(None).is_closed
