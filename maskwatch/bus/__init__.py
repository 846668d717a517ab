"""Redis as maskwatch uses it: frames, results, status and live views.

Each class wraps one client and raises only `BusError` and its kinds; no other module speaks to
Redis. Needs a server of version 6.2 or later.
"""

from maskwatch.bus.cleanup import delete_camera
from maskwatch.bus.connection import connect, connect_jobs, server_id, socket_path
from maskwatch.bus.embedded import EmbeddedRedis
from maskwatch.bus.frames import FrameQueue, Offer, TakenFrame
from maskwatch.bus.results import Entry, ResultLog
from maskwatch.bus.status import StatusBoard
from maskwatch.bus.views import View, Views
from maskwatch.bus.waiting import wait_until_ready

__all__ = [
    "EmbeddedRedis",
    "Entry",
    "FrameQueue",
    "Offer",
    "ResultLog",
    "StatusBoard",
    "TakenFrame",
    "View",
    "Views",
    "connect",
    "connect_jobs",
    "delete_camera",
    "server_id",
    "socket_path",
    "wait_until_ready",
]
