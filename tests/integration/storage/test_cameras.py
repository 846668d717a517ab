"""The camera store, on SQLite and PostgreSQL."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, select

from maskwatch.address import shown
from maskwatch.config import SeedCamera, Settings
from maskwatch.contracts import Camera
from maskwatch.errors import CameraError
from maskwatch.storage import CameraStore, reading
from maskwatch.storage.tables import CameraRow


def test_a_camera_comes_back_as_it_was_added(database: Engine) -> None:
    store = CameraStore(database)
    camera = Camera(
        name="east-gate", url="rtsp://10.0.0.7:554/live", username="bob", password="p@ss#/:!",
        fps=3.5, enabled=False, transport="udp", replay_start_unix_s=1_700_000_000.25,
    )  # fmt: skip

    stored = store.add(camera)

    assert store.get("east-gate") == stored == store.list()[0]
    assert stored.revision == 1
    for field in ("url", "username", "password", "fps", "enabled", "transport"):
        assert getattr(stored, field) == getattr(camera, field)
    assert stored.replay_start_unix_s == 1_700_000_000.25


def test_a_replay_comes_back_as_one(database: Engine) -> None:
    stored = CameraStore(database).add(Camera(name="day", url="/day.mp4", is_replay=True))

    assert CameraStore(database).get("day") == stored
    assert stored.is_replay


@pytest.mark.parametrize("url", ["rtsp://cam/live", "http://cam/day.mp4", "webcam:0"])
def test_what_is_no_file_cannot_be_replayed(sqlite_database: Engine, url: str) -> None:
    store = CameraStore(sqlite_database)

    with pytest.raises(CameraError, match=f"camera 'a': '{url}' is no file: only a file can be"):
        store.add(Camera(name="a", url=url, is_replay=True))

    store.add(Camera(name="a", url="file:///day.mp4", is_replay=True))
    with pytest.raises(CameraError, match="only a file can be replayed"):
        store.update("a", url=url)


def test_a_path_that_depends_on_the_folder_is_refused(sqlite_database: Engine) -> None:
    with pytest.raises(CameraError, match=r"give the whole path of the file 'films/day\.mp4'"):
        CameraStore(sqlite_database).add(Camera(name="a", url="films/day.mp4"))


@pytest.mark.parametrize("login", [{"username": "bob\n"}, {"password": "s3cret\ud800"}])
def test_a_log_in_that_cannot_be_printed_is_refused_and_not_shown(
    sqlite_database: Engine, login: dict[str, str]
) -> None:
    with pytest.raises(CameraError, match="cannot be printed") as caught:
        CameraStore(sqlite_database).add(Camera(name="a", url="rtsp://cam/live", **login))

    assert "s3cret" not in str(caught.value)


def test_a_log_in_inside_the_address_is_split_off(database: Engine) -> None:
    stored = CameraStore(database).add(Camera(name="a", url="rtsp://bob:s%40cret@cam/live"))

    assert (stored.url, stored.username, stored.password) == ("rtsp://cam/live", "bob", "s@cret")


IN_THE_QUERY = "rtsp://cam/live?user=bob&password=hunter2&channel=1"


def test_an_address_that_comes_back_masked_leaves_the_stored_one(database: Engine) -> None:
    store = CameraStore(database)
    store.add(Camera(name="a", url=IN_THE_QUERY))

    changed = store.update("a", url=shown(IN_THE_QUERY), fps=2.0)

    assert (changed.url, changed.fps) == (IN_THE_QUERY, 2.0)
    assert "hunter2" not in repr(changed)


def test_a_masked_address_that_was_changed_is_refused(sqlite_database: Engine) -> None:
    store = CameraStore(sqlite_database)
    store.add(Camera(name="a", url=IN_THE_QUERY))

    with pytest.raises(CameraError, match="give the whole address"):
        store.update("a", url=shown(IN_THE_QUERY).replace("channel=1", "channel=2"))

    assert store.get("a").url == IN_THE_QUERY


def test_a_removed_camera_s_log_in_is_forgotten_wherever_it_stood(database: Engine) -> None:
    store = CameraStore(database)
    store.add(Camera(name="a", url=IN_THE_QUERY, username="bob", password="hunter2"))

    store.remove("a")

    with reading(database) as session:
        row = session.scalars(select(CameraRow)).one()
        assert (row.url, row.username, row.password) == (shown(IN_THE_QUERY), "", "")


def test_two_cameras_with_one_name_are_refused(database: Engine) -> None:
    store = CameraStore(database)
    store.add(Camera(name="a", url="rtsp://one/live"))

    with pytest.raises(CameraError, match="camera 'a' exists already; choose another name"):
        store.add(Camera(name="a", url="rtsp://two/live"))

    assert store.get("a").url == "rtsp://one/live"


@pytest.mark.parametrize("name", ["front door", "a/b", "x" * 300, "", "-a", "a:b"])
def test_an_unusable_name_is_refused(sqlite_database: Engine, name: str) -> None:
    store = CameraStore(sqlite_database)

    with pytest.raises(CameraError, match="cannot be used"):
        store.add(Camera(name=name, url="rtsp://one/live"))

    assert store.list() == []


def test_each_change_raises_the_revision(database: Engine) -> None:
    store = CameraStore(database)
    store.add(Camera(name="a", url="rtsp://one/live"))

    changed = store.update("a", fps=2.0, enabled=False)

    assert (changed.fps, changed.enabled, changed.revision) == (2.0, False, 2)
    assert store.get("a") == changed


def test_a_change_of_an_unknown_field_or_to_a_bad_value_is_refused(
    sqlite_database: Engine,
) -> None:
    store = CameraStore(sqlite_database)
    store.add(Camera(name="a", url="rtsp://one/live"))

    with pytest.raises(CameraError, match="colour cannot be changed"):
        store.update("a", colour="red")
    with pytest.raises(CameraError, match="fps 0 is not above 0"):
        store.update("a", fps=0)
    with pytest.raises(CameraError, match="'sctp' is neither 'tcp' nor 'udp'"):
        store.update("a", transport="sctp")

    assert store.get("a").revision == 1


def test_a_removed_camera_is_gone_and_its_name_can_be_used_again(database: Engine) -> None:
    store = CameraStore(database)
    store.add(Camera(name="a", url="rtsp://one/live", password="old"))
    store.remove("a")

    assert store.list() == []
    with pytest.raises(CameraError, match="there is no camera 'a'; none has been added yet"):
        store.get("a")
    again = store.add(Camera(name="a", url="rtsp://two/live"))
    assert (again.url, again.password) == ("rtsp://two/live", "")
    assert again.revision > 2


def test_a_seed_adds_what_is_new_and_leaves_removed_cameras_removed(
    database: Engine, tmp_path: Path
) -> None:
    store = CameraStore(database)
    settings = Settings(
        data_dir=tmp_path,
        cameras=(
            SeedCamera(name="a", url="rtsp://one/live", password=SecretStr("x")),
            SeedCamera(name="b", url="rtsp://two/live", fps=2.0),
        ),
    )

    assert store.seed(settings) == ("a", "b")
    store.remove("a")
    store.update("b", fps=9.0)
    assert store.seed(settings) == ()
    assert [(camera.name, camera.fps) for camera in store.list()] == [("b", 9.0)]
