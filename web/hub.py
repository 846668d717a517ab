"""One reader for all viewers: takes each new picture once and hands it to everybody who watches.

A viewer holds the newest picture of each camera and nothing else. One that is slow finds a newer
picture in the slot of the older one: it is shown fewer pictures and delays nobody.
"""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from maskwatch.bus import View, Views
from maskwatch.bus.views import START
from maskwatch.errors import BusError, MaskwatchError
from web.overview import Overview

logger = logging.getLogger(__name__)

READ_MS: Final = 200
"""A read ends after so long without a picture, to see who watches what now."""

WATCH_EVERY_S: Final = 2.0
STATUS_EVERY_S: Final = 1.0
RETRY_S: Final = 1.0


class HubFullError(MaskwatchError):
    """As many people watch as the web process has threads for."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One annotated picture on its way to viewers.

    Attributes:
        camera: Whose picture.
        jpeg: With boxes and labels drawn in.
        sequence: Number of the frame within its epoch.
        taken_at_unix_s: When it was captured; of a replay, when it was analysed.
    """

    camera: str
    jpeg: bytes
    sequence: int
    taken_at_unix_s: float

    def age_s(self, now_unix_s: float) -> float:
        """Seconds since it was taken."""
        return max(0.0, now_unix_s - self.taken_at_unix_s)

    def message(self, now_unix_s: float) -> bytes:
        """4 bytes big-endian length of the header, the header as JSON, the JPEG."""
        header = json.dumps(
            {
                "camera": self.camera,
                "sequence": self.sequence,
                "age_s": round(self.age_s(now_unix_s), 3),
            }
        ).encode()
        return len(header).to_bytes(4, "big") + header + self.jpeg


class Viewer:
    """One who watches. The hub puts pictures in, the viewer's own thread takes them out.

    Args:
        cameras: Names; None for all there are.
    """

    def __init__(self, cameras: Iterable[str] | None) -> None:
        self.cameras = None if cameras is None else frozenset(cameras)
        self.replaced = 0
        self._slots: dict[str, Picture] = {}
        self._turns: deque[str] = deque()
        self._status: str | None = None
        self._is_closed = False
        self._changed = threading.Condition()

    def put(self, picture: Picture) -> None:
        """Hold a picture in place of an older one of the same camera."""
        with self._changed:
            if picture.camera in self._slots:
                self.replaced += 1
            else:
                self._turns.append(picture.camera)
            self._slots[picture.camera] = picture
            self._changed.notify()

    def put_status(self, text: str) -> None:
        """Hold a status message in place of an older one."""
        with self._changed:
            self._status = text
            self._changed.notify()

    def close(self) -> None:
        """Have `take` return None from now on."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    @property
    def is_closed(self) -> bool:
        """Whether the hub has ended or let go of this viewer."""
        return self._is_closed

    def take(self, timeout_s: float) -> str | Picture | None:
        """The next message: status first, then the camera that has waited longest.

        Returns:
            A status as JSON text, a picture, or None at the end or after `timeout_s` without one.
        """
        with self._changed:
            self._changed.wait_for(self._has_something, timeout_s)
            if self._is_closed:
                return None
            if self._status is not None:
                status, self._status = self._status, None
                return status
            if not self._turns:
                return None
            return self._slots.pop(self._turns.popleft())

    def _has_something(self) -> bool:
        return self._is_closed or self._status is not None or bool(self._turns)


class Hub:
    """Reads while somebody watches, and only what somebody watches."""

    def __init__(self, *, views: Views, overview: Overview, max_viewers: int) -> None:
        self._views = views
        self._overview = overview
        self._max_viewers = max_viewers
        self._viewers: set[Viewer] = set()
        self._names: frozenset[str] = frozenset()
        self._replays: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._somebody = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def viewers(self) -> int:
        """How many watch now."""
        with self._lock:
            return len(self._viewers)

    def join(self, cameras: Iterable[str] | None) -> Viewer:
        """Begin to watch; the first viewer starts the hub's threads.

        Raises:
            HubFullError: There are as many viewers as threads for them.
        """
        viewer = Viewer(cameras)
        with self._lock:
            if self._stop.is_set():
                viewer.close()
                return viewer
            if len(self._viewers) >= self._max_viewers:
                raise HubFullError(
                    f"{len(self._viewers)} people are watching already, and there are no more "
                    "threads for live pictures; raise [web] threads or close a page"
                )
            self._viewers.add(viewer)
            self._somebody.set()
            if not self._threads:
                self._start()
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Stop watching."""
        viewer.close()
        with self._lock:
            self._viewers.discard(viewer)
            if not self._viewers:
                self._somebody.clear()

    def stop(self) -> None:
        """Let all viewers go and end the threads."""
        self._stop.set()
        with self._lock:
            viewers, self._viewers = self._viewers, set()
            threads = list(self._threads)
        for viewer in viewers:
            viewer.close()
        self._somebody.set()
        for thread in threads:
            thread.join(timeout=2.0)

    def _start(self) -> None:
        for name, target in (("hub-pictures", self._read), ("hub-status", self._tell)):
            thread = threading.Thread(target=self._keep, args=(target,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _keep(self, target: Callable[[], None]) -> None:
        while not self._stop.is_set():
            try:
                target()
            except Exception:  # the border of the thread: one bad message must not end the wall
                logger.exception("live pictures failed; trying again")
                self._stop.wait(RETRY_S)

    def _current(self) -> tuple[list[Viewer], frozenset[str]]:
        """Everybody who watches, and the cameras that any of them watches."""
        with self._lock:
            viewers = list(self._viewers)
        wanted: set[str] = set()
        for viewer in viewers:
            wanted |= self._names if viewer.cameras is None else viewer.cameras
        return viewers, frozenset(wanted)

    def _read(self) -> None:
        """Thread: pictures from Redis to viewers."""
        last_ids: dict[str, str] = {}
        watched: frozenset[str] = frozenset()
        watch_again_at = 0.0
        while self._wait_for_somebody():
            _, wanted = self._current()
            if not wanted:
                self._stop.wait(READ_MS / 1000)
                continue
            try:
                if wanted != watched or time.monotonic() >= watch_again_at:
                    self._views.watch(wanted)
                    watched, watch_again_at = wanted, time.monotonic() + WATCH_EVERY_S
                positions = {name: last_ids.get(name, START) for name in wanted}
                views = self._views.read(positions, block_ms=READ_MS)
            except BusError as error:
                logger.info("no live pictures: %s", error)
                last_ids.clear()  # a Redis that comes back empty counts its ids from its own clock
                self._stop.wait(RETRY_S)
                continue
            for view in views:
                last_ids[view.camera] = view.stream_id
            pictures = [_picture(view, is_replay=view.camera in self._replays) for view in views]
            # Asked again: who joined while the read waited is not left out.
            viewers, _ = self._current()
            _hand_out(pictures, viewers, self._names)

    def _tell(self) -> None:
        """Thread: the state of all cameras to viewers, each second."""
        while self._wait_for_somebody():
            try:
                snapshot = self._overview.snapshot()
            except MaskwatchError as error:
                text = json.dumps({"type": "status", "problem": str(error), "cameras": None})
            else:
                self._names = frozenset(card["name"] for card in snapshot.cards)
                self._replays = frozenset(c["name"] for c in snapshot.cards if c["is_replay"])
                text = json.dumps(
                    {
                        "type": "status",
                        "problem": snapshot.problem,
                        "is_demo": snapshot.is_demo,
                        "cameras": snapshot.cards,
                    }
                )
            viewers, _ = self._current()
            for viewer in viewers:
                viewer.put_status(text)
            self._stop.wait(STATUS_EVERY_S)

    def _wait_for_somebody(self) -> bool:
        self._somebody.wait()
        return not self._stop.is_set()


def _picture(view: View, *, is_replay: bool) -> Picture:
    meta = view.meta
    taken = meta["analysed_at_unix_s"] if is_replay else meta["captured_at_unix_s"]
    return Picture(view.camera, view.jpeg, int(meta.get("sequence", 0)), float(taken))


def _hand_out(pictures: list[Picture], viewers: list[Viewer], names: frozenset[str]) -> None:
    for viewer in viewers:
        wanted = names if viewer.cameras is None else viewer.cameras
        for picture in pictures:
            if picture.camera in wanted:
                viewer.put(picture)
