import pytest
import redis

from ingest.fleet import Fleet
from ingest.main import Keeper
from maskwatch.bus import StatusBoard
from maskwatch.config import Settings
from maskwatch.contracts import Camera, CameraState
from maskwatch.errors import StorageError
from tests.unit.ingest.test_fleet import DOOR, GATE, FakeChild


class Rig:
    """A keeper on fake processes and a fake database; Redis is real."""

    def __init__(self, settings: Settings) -> None:
        self.cameras: list[Camera] = [DOOR]
        self.error: StorageError | None = None
        self.children: list[FakeChild] = []
        self.fleet = Fleet(self._start)
        self.keeper = Keeper(settings, self.fleet, list_cameras=self._list)

    def _start(self, camera: Camera) -> FakeChild:
        self.children.append(FakeChild(camera))
        return self.children[-1]

    def _list(self) -> list[Camera]:
        if self.error is not None:
            raise self.error
        return self.cameras

    def run(self, from_s: float, until_s: float) -> None:
        for second in range(round(from_s), round(until_s)):
            self.keeper.step(float(second), 1000.0 + second)


def test_a_database_that_is_away_stops_no_camera_and_is_said_once(
    redis_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    rig = Rig(redis_settings)
    rig.run(0, 3)
    rig.error = StorageError("database 'x' is locked by another program")
    with caplog.at_level("INFO"):
        rig.run(3, 20)
        rig.error, rig.cameras = None, [DOOR, GATE]
        rig.run(20, 22)
    assert [child.camera for child in rig.children] == [DOOR, GATE]
    assert rig.children[0].orders == []
    assert len([r for r in caplog.records if "locked" in r.message]) == 1
    assert "the database is back" in caplog.text
    rig.keeper.close()


def test_redis_is_told_again_who_is_read_after_it_forgot(
    redis_settings: Settings, redis_client: redis.Redis
) -> None:
    rig, board = Rig(redis_settings), StatusBoard(redis_client)
    rig.run(0, 2)
    assert board.active_cameras() == ["door"]
    redis_client.flushall()
    rig.run(2, 4)
    assert board.active_cameras() == ["door"]
    rig.keeper.close()


def test_a_removed_camera_leaves_redis_after_its_last_pictures_are_read(
    redis_settings: Settings, redis_client: redis.Redis
) -> None:
    rig, board = Rig(redis_settings), StatusBoard(redis_client)
    rig.cameras = [DOOR, GATE]
    rig.run(0, 2)
    rig.cameras = [GATE]
    rig.run(2, 3)
    rig.children[0].code = 75
    rig.run(3, 6)
    assert board.active_cameras() == ["door", "gate"]
    rig.run(6, 40)
    assert board.active_cameras() == ["gate"]
    rig.keeper.close()


def test_a_camera_that_is_switched_off_says_so(
    redis_settings: Settings, redis_client: redis.Redis
) -> None:
    rig, board = Rig(redis_settings), StatusBoard(redis_client)
    rig.cameras = [Camera(name="door", url="rtsp://door/1", enabled=False)]
    rig.run(0, 2)
    status = board.cameras(["door"])["door"]
    assert status is not None
    assert status.state is CameraState.DISABLED
    rig.keeper.close()
