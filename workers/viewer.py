"""Annotated pictures for those who watch a camera, and for nobody else."""

import time
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

import redis

from maskwatch.bus import Views
from workers.annotate import view_jpeg
from workers.answers import Answer


class Viewer:
    """Draws and publishes the views of one worker's answers."""

    def __init__(self, client: redis.Redis, pool: Executor) -> None:
        """Prepare to draw.

        Args:
            client: Of the frames' database.
            pool: Threads to draw and encode on.
        """
        self._views = Views(client)
        self._pool = pool

    def show(self, answers: Sequence[Answer]) -> float:
        """Draw the newest picture of each camera that somebody watches.

        Returns:
            Milliseconds that drawing took; 0 where nobody watches.
        """
        newest: dict[str, Answer] = {}
        for answer in answers:
            camera = answer.frame.header.camera
            if answer.picture is not None and (
                camera not in newest or _order(newest[camera]) < _order(answer)
            ):
                newest[camera] = answer
        watched = self._views.watched(newest)
        shown = [answer for camera, answer in newest.items() if camera in watched]
        if not shown:
            return 0.0
        started = time.perf_counter()
        for answer, jpeg in zip(shown, self._pool.map(_drawn, shown), strict=True):
            header = answer.frame.header
            self._views.publish(
                header.camera,
                jpeg,
                view_meta(answer),
                offered_at_unix_s=header.offered_at_unix_s or header.captured_at_unix_s,
            )
        return (time.perf_counter() - started) * 1e3


def view_meta(answer: Answer) -> dict[str, Any]:
    """What travels with an annotated picture; boxes count the analysed picture's pixels."""
    header = answer.frame.header
    return {
        "captured_at_unix_s": header.captured_at_unix_s,
        "analysed_at_unix_s": time.time(),
        "width": header.width,
        "height": header.height,
        "sequence": header.sequence,
        "epoch": header.epoch,
        "faces": [
            {
                "box": face.box.as_list(),
                "label": face.label.value,
                "score": face.score,
                "probabilities": face.probabilities,
            }
            for face in answer.faces
        ],
    }


def _drawn(answer: Answer) -> bytes:
    assert answer.picture is not None  # noqa: S101 - chosen so
    return view_jpeg(answer.picture, answer.faces)


def _order(answer: Answer) -> tuple[str, int]:
    return answer.frame.header.epoch, answer.frame.header.sequence
