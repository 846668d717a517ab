"""What the pages, the API and the live view share: one object for each web process."""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import redis
from flask import current_app
from sqlalchemy import Engine

from maskwatch.bus import ResultLog, StatusBoard, Views, connect, connect_jobs
from maskwatch.bus.connection import bus_errors
from maskwatch.bus.vitals import Vitals, read_vitals
from maskwatch.config import Settings
from maskwatch.contracts import CameraStatus
from maskwatch.storage.cameras import CameraStore
from web.hub import Hub
from web.overview import Overview
from web.rates import AnalysedRates

DEMO_TRUTH_KEY = "demo:truth"
"""Written by the simulated mall: JSON of camera to verdict to number of passages so far."""

_EXTENSION = "maskwatch"


@dataclass(slots=True)
class Services:
    """Connections and the live hub. Nothing here connects before it is used.

    Attributes:
        settings: The configuration.
        engine: The database.
        jobs_redis: The queue of background jobs.
        redis: Frames, results, status, views.
        cameras: The cameras of the database.
        overview: What each camera is doing, in words and numbers.
        hub: Shares the pictures of one reader among all viewers.
    """

    settings: Settings
    engine: Engine
    jobs_redis: redis.Redis
    redis: redis.Redis
    cameras: CameraStore = field(init=False)
    board: StatusBoard = field(init=False)
    overview: Overview = field(init=False)
    hub: Hub = field(init=False)

    def __post_init__(self) -> None:
        self.cameras = CameraStore(self.engine)
        self.board = StatusBoard(self.redis)
        self.overview = Overview(
            settings=self.settings,
            engine=self.engine,
            cameras=self.cameras,
            board=self.board,
            analysed=AnalysedRates(ResultLog(self.redis)),
            read_truth=lambda: read_demo_truth(self.redis),
            read_vitals=self.vitals_of,
        )
        self.hub = Hub(
            views=Views(self.redis),
            overview=self.overview,
            max_viewers=max_viewers(self.settings.web.threads),
        )

    def vitals_of(self, statuses: Iterable[CameraStatus]) -> Vitals:
        """Ask whether what these cameras deliver is analysed and counted.

        Raises:
            BusError: Redis cannot be reached.
        """
        return read_vitals(self.redis, statuses, now_unix_s=time.time())

    def close(self) -> None:
        """End the hub's threads and let the connections go."""
        self.hub.stop()
        self.redis.close()
        self.jobs_redis.close()
        self.engine.dispose()


def max_viewers(threads: int) -> int:
    """Live views and streams hold a thread each; some are kept for pages and the API."""
    return max(1, threads - max(3, threads // 4))


def read_demo_truth(client: redis.Redis) -> dict[str, dict[str, int]]:
    """What really passed the simulated cameras so far; empty where no demo runs.

    Raises:
        BusError: Redis cannot be reached.
    """
    with bus_errors(client):
        text: Any = client.get(DEMO_TRUTH_KEY)
    if text is None:
        return {}
    try:
        truth: dict[str, dict[str, int]] = json.loads(text)
    except ValueError:
        return {}
    return truth


def make_services(settings: Settings, engine: Engine) -> Services:
    """Join the parts. Redis may be away: it is met at the first use, and not waited for long."""
    return Services(
        settings=settings,
        engine=engine,
        redis=connect(settings, is_prompt=True),
        jobs_redis=connect_jobs(settings, is_prompt=True),
    )


def services() -> Services:
    """The services of the app that handles the present request."""
    found: Services = current_app.extensions[_EXTENSION]
    return found


def init_app(app: Any, made: Services) -> None:
    """Give the app its services."""
    app.extensions[_EXTENSION] = made
