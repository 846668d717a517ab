from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ingest.exits import ENDED_EXIT, STOPPED_EXIT
from ingest.fleet import Fleet
from maskwatch.contracts import Camera, CameraState

DOOR = Camera(name="door", url="rtsp://door/1", revision=1)
GATE = Camera(name="gate", url="rtsp://gate/1", revision=1)


@dataclass
class FakeChild:
    """A process that runs until a test ends it."""

    camera: Camera
    code: int | None = None
    orders: list[str] = field(default_factory=list)

    def exit_code(self) -> int | None:
        return self.code

    def stop(self, *, is_abandoned: bool) -> None:
        self.orders.append("end" if is_abandoned else "stop")

    def kill(self) -> None:
        self.orders.append("kill")
        self.code = -9


class Rig:
    """A fleet on fake processes."""

    def __init__(self) -> None:
        self.children: list[FakeChild] = []
        self.fleet = Fleet(self._start)

    def _start(self, camera: Camera) -> FakeChild:
        self.children.append(FakeChild(camera))
        return self.children[-1]

    def at(self, now_s: float, *cameras: Camera) -> None:
        self.fleet.follow(cameras, now_s)
        self.fleet.step(now_s)

    def of(self, name: str) -> list[FakeChild]:
        return [child for child in self.children if child.camera.name == name]


def test_each_enabled_camera_gets_one_process() -> None:
    rig = Rig()
    for now_s in range(5):
        rig.at(now_s, DOOR, replace(GATE, enabled=False))
    assert [child.camera for child in rig.children] == [DOOR]
    statuses = rig.fleet.statuses({}, 5.0, 1005.0)
    assert [(status.camera, status.state) for status in statuses] == [
        ("gate", CameraState.DISABLED)
    ]


def test_a_camera_added_later_is_started() -> None:
    rig = Rig()
    rig.at(0, DOOR)
    rig.at(1, DOOR, GATE)
    assert len(rig.of("gate")) == 1
    assert len(rig.of("door")) == 1


def test_a_changed_camera_is_started_again_and_no_other() -> None:
    rig = Rig()
    rig.at(0, DOOR, GATE)
    changed = replace(DOOR, fps=2.0, revision=2)
    rig.at(1, changed, GATE)
    assert rig.of("door")[0].orders == ["stop"]
    rig.of("door")[0].code = STOPPED_EXIT
    rig.at(2, changed, GATE)
    rig.at(3, changed, GATE)
    assert [child.camera.revision for child in rig.of("door")] == [1, 2]
    assert rig.of("gate")[0].orders == []
    assert len(rig.of("gate")) == 1


@pytest.mark.parametrize(
    ("change", "order"),
    [
        ({"fps": 2.0}, "stop"),
        ({"password": "new"}, "stop"),
        ({"enabled": False}, "stop"),
        ({"url": "next-day.mp4"}, "end"),
        ({"is_replay": False}, "end"),
    ],
)
def test_a_replay_is_left_for_good_only_when_something_else_is_read(
    change: dict[str, Any], order: str
) -> None:
    rig = Rig()
    replay = replace(DOOR, url="day.mp4", is_replay=True)
    rig.at(0, replay)
    rig.at(1, replace(replay, revision=2, **change))
    assert rig.children[0].orders == [order]


def test_two_processes_never_read_one_camera() -> None:
    rig = Rig()
    rig.at(0, DOOR)
    changed = replace(DOOR, revision=2)
    for now_s in (1, 2, 3):
        rig.at(now_s, changed)
    assert len(rig.children) == 1


def test_a_process_that_does_not_end_in_order_is_ended_by_force() -> None:
    rig = Rig()
    rig.at(0, DOOR)
    rig.at(1)
    rig.at(5)
    assert rig.children[0].orders == ["end", "kill"]


def test_a_removed_camera_is_still_read_by_workers_for_a_while() -> None:
    rig = Rig()
    rig.at(0, DOOR)
    rig.at(1)
    rig.children[0].code = STOPPED_EXIT
    rig.at(2)
    assert rig.fleet.active == ["door"]
    assert rig.fleet.take_left(3.0) == {}
    assert rig.fleet.take_left(30.0) == {"door": True}
    assert rig.fleet.active == []


def test_a_disabled_camera_keeps_its_streams() -> None:
    rig = Rig()
    rig.at(0, DOOR)
    off = replace(DOOR, enabled=False, revision=2)
    rig.at(1, off)
    rig.children[0].code = STOPPED_EXIT
    rig.at(2, off)
    assert rig.fleet.take_left(30.0) == {"door": False}


def test_a_camera_whose_process_crashes_is_started_again_later_and_later() -> None:
    rig = Rig()
    starts = []
    for tenth in range(6000):
        rig.at(tenth / 10, DOOR, GATE)
        if rig.of("door")[-1].code is None:
            starts.append(tenth / 10)
            rig.of("door")[-1].code = -11
    assert 10 < len(starts) < 40
    assert len(rig.of("gate")) == 1
    assert rig.of("gate")[0].orders == []


def test_a_crash_is_told() -> None:
    rig = Rig()
    rig.at(0, DOOR)
    rig.children[0].code = -11
    rig.at(1, DOOR)
    (status,) = rig.fleet.statuses({}, 1.0, 1001.0)
    assert status.state is CameraState.OFFLINE
    assert "code -11" in status.message


def test_a_file_at_its_end_is_not_started_again() -> None:
    rig = Rig()
    rig.at(0, DOOR)
    rig.children[0].code = ENDED_EXIT
    for now_s in range(1, 200):
        rig.at(now_s, DOOR)
    assert len(rig.children) == 1
    (status,) = rig.fleet.statuses({}, 200.0, 1200.0)
    assert (status.state, status.updated_at_unix_s) == (CameraState.ENDED, 1200.0)
    rig.at(201, replace(DOOR, revision=2))
    rig.at(202, replace(DOOR, revision=2))
    rig.at(203, replace(DOOR, revision=2))
    assert len(rig.children) == 2


def test_a_process_that_cannot_be_started_is_tried_again() -> None:
    tries = []

    def fail(camera: Camera) -> FakeChild:
        tries.append(camera)
        raise OSError(11, "Resource temporarily unavailable")

    fleet = Fleet(fail)
    for now_s in range(100):
        fleet.follow([DOOR], now_s)
        fleet.step(now_s)
    assert 2 < len(tries) < 20
    (status,) = fleet.statuses({}, 100.0, 1100.0)
    assert "temporarily unavailable" in status.message


def test_the_end_of_ingest_abandons_no_epoch() -> None:
    rig = Rig()
    rig.at(0, DOOR, GATE)
    rig.fleet.stop_all()
    assert [child.orders for child in rig.children] == [["stop"], ["stop"]]
    rig.children[0].code = STOPPED_EXIT
    assert rig.fleet.has_running()
    rig.fleet.kill_all()
    assert rig.children[1].orders == ["stop", "kill"]
    assert not rig.fleet.has_running()
