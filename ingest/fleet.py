"""One process for each enabled camera of the database, one `step` at a time."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ingest.backoff import Backoff
from ingest.child import Child
from ingest.exits import ENDED_EXIT
from maskwatch.contracts import Camera, CameraState, CameraStatus

logger = logging.getLogger(__name__)

STOP_PATIENCE_S: Final = 2.5
"""A process that was told to end is ended by force after so long."""

LINGER_S: Final = 15.0
"""Workers and recorder still read a camera that has left for so long: its last pictures count."""

STEADY_S: Final = 30.0
"""A process that has run so long before it ended is started again without delay."""


@dataclass(slots=True)
class _Post:
    """One camera's place: its process, or why it has none."""

    camera: Camera
    backoff: Backoff
    child: Child | None = None
    started_at_s: float = 0.0
    start_at_s: float = 0.0
    stop_by_s: float | None = None
    is_ended: bool = False
    failure: str = ""


class Fleet:
    """Starts, restarts and stops cameras' processes. One that fails never touches another.

    Args:
        start: Starts the process of a camera.
    """

    def __init__(self, start: Callable[[Camera], Child]) -> None:
        self._start = start
        self._posts: dict[str, _Post] = {}
        self._left: dict[str, tuple[float, bool]] = {}
        self._disabled: dict[str, Camera] = {}
        self._known: set[str] = set()

    @property
    def active(self) -> list[str]:
        """Cameras that workers and recorder have to read."""
        return sorted({*self._posts, *self._left})

    def follow(self, cameras: Iterable[Camera], now_s: float) -> None:
        """Take over what the database says now."""
        known = {camera.name: camera for camera in cameras}
        self._disabled = {name: camera for name, camera in known.items() if not camera.enabled}
        for name, post in self._posts.items():
            wanted = known.get(name)
            is_wanted = wanted is not None and wanted.enabled
            if post.stop_by_s is None and not (is_wanted and wanted == post.camera):
                self._stop(post, wanted, now_s)
        for name, camera in known.items():
            if camera.enabled and name not in self._posts:
                self._left.pop(name, None)
                self._posts[name] = _Post(camera, Backoff(1.0, 60.0))
        self._known = set(known)

    def step(self, now_s: float) -> None:
        """Start what is due, and see who has ended."""
        for name, post in list(self._posts.items()):
            if post.child is None:
                if post.stop_by_s is not None:
                    self._forget(name, now_s)
                elif now_s >= post.start_at_s and not post.is_ended:
                    self._begin(post, now_s)
                continue
            code = post.child.exit_code()
            if code is not None:
                post.child = None
                self._has_ended(name, post, code, now_s)
            elif post.stop_by_s is not None and now_s > post.stop_by_s:
                logger.warning("camera %s: does not end in order; ended by force", name)
                post.child.kill()

    def take_left(self, now_s: float) -> dict[str, bool]:
        """Return the cameras whose last pictures are old enough: name to "it was removed"."""
        due = {name: removed for name, (at_s, removed) in self._left.items() if now_s >= at_s}
        for name in due:
            del self._left[name]
        return due

    def statuses(
        self, last: Mapping[str, CameraStatus | None], now_s: float, unix_s: float
    ) -> list[CameraStatus]:
        """Return what is to be said of the cameras that have no process to say it."""
        found = [
            CameraStatus(
                camera=name,
                state=CameraState.DISABLED,
                updated_at_unix_s=unix_s,
                message="switched off",
            )
            for name in self._disabled
            if name not in self._posts
        ]
        for name, post in self._posts.items():
            if post.child is not None or post.stop_by_s is not None:
                continue
            before = last.get(name)
            status = before or CameraStatus(
                camera=name, state=CameraState.ENDED, updated_at_unix_s=unix_s
            )
            if post.is_ended:
                found.append(
                    replace(
                        status,
                        state=CameraState.ENDED,
                        updated_at_unix_s=unix_s,
                        captured_fps=0.0,
                        offered_fps=0.0,
                    )
                )
            elif post.failure:
                found.append(
                    replace(
                        status,
                        state=CameraState.OFFLINE,
                        updated_at_unix_s=unix_s,
                        reason="",
                        message=post.failure,
                        captured_fps=0.0,
                        offered_fps=0.0,
                        retry_in_s=max(0.0, post.start_at_s - now_s),
                    )
                )
        return found

    def stop_all(self) -> None:
        """Tell every process to end in order; a replay goes on at the next start."""
        for post in self._posts.values():
            if post.child is not None:
                post.child.stop(is_abandoned=False)

    def kill_all(self) -> None:
        """End what is still there."""
        for post in self._posts.values():
            if post.child is not None and post.child.exit_code() is None:
                post.child.kill()

    def has_running(self) -> bool:
        """Say whether any process still runs."""
        children = [post.child for post in self._posts.values() if post.child is not None]
        return any(child.exit_code() is None for child in children)

    def _begin(self, post: _Post, now_s: float) -> None:
        post.started_at_s = now_s
        try:
            post.child = self._start(post.camera)
        except OSError as error:
            post.failure = f"its process cannot be started: {error.strerror}"
            post.start_at_s = now_s + post.backoff.next_s()
            logger.error("camera %s: %s", post.camera.name, post.failure)

    def _has_ended(self, name: str, post: _Post, code: int, now_s: float) -> None:
        if post.stop_by_s is not None:
            self._forget(name, now_s)
            return
        if code == ENDED_EXIT:
            post.is_ended = True
            logger.info("camera %s: is at its end", name)
            return
        if now_s - post.started_at_s > STEADY_S:
            post.backoff.reset()
        wait_s = post.backoff.next_s()
        post.start_at_s = now_s + wait_s
        post.failure = f"its process ended unexpectedly (code {code}) and is started again"
        logger.error("camera %s: %s in %.0f s", name, post.failure, wait_s)

    def _stop(self, post: _Post, wanted: Camera | None, now_s: float) -> None:
        logger.info("camera %s: is changed, switched off or removed", post.camera.name)
        post.stop_by_s = now_s + STOP_PATIENCE_S
        if post.child is not None:
            post.child.stop(is_abandoned=wanted is None or _reads_else(wanted, post.camera))

    def _forget(self, name: str, now_s: float) -> None:
        del self._posts[name]
        self._left[name] = (now_s + LINGER_S, name not in self._known)


def _reads_else(wanted: Camera, camera: Camera) -> bool:
    """Whether a change leaves what was read for good; otherwise a replay goes on where it was."""
    return (wanted.url, wanted.is_replay) != (camera.url, camera.is_replay)
