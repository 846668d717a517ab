"""The database: tables, migrations and the questions asked of them."""

from maskwatch.storage.cameras import CameraStore
from maskwatch.storage.database import (
    database_name,
    open_database,
    reading,
    wait_for_database,
    writing,
)
from maskwatch.storage.migrate import migrate
from maskwatch.storage.recorder_state import RecorderPosition, last_position

__all__ = [
    "CameraStore",
    "RecorderPosition",
    "database_name",
    "last_position",
    "migrate",
    "open_database",
    "reading",
    "wait_for_database",
    "writing",
]
