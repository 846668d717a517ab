"""The cameras as the database holds them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from maskwatch.address import check_address, is_file, is_path, shown, split_credentials
from maskwatch.camera_name import check_camera_name
from maskwatch.config import Settings
from maskwatch.contracts import Camera
from maskwatch.errors import CameraError
from maskwatch.storage.database import reading, writing
from maskwatch.storage.tables import CameraRow
from maskwatch.storage.utc import from_unix

_CHANGEABLE = frozenset(
    {"url", "username", "password", "fps", "enabled", "is_replay", "loops", "transport",
     "replay_start_unix_s"}
)  # fmt: skip


_Cameras = list[Camera]  # inside the class, `list` is the method


class CameraStore:
    """Add, change, remove and list cameras; a change is seen by running processes in seconds."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self) -> _Cameras:
        """All cameras, enabled or not, by name."""
        with reading(self._engine) as session:
            rows = session.scalars(
                select(CameraRow).where(CameraRow.removed_at.is_(None)).order_by(CameraRow.name)
            )
            return [_to_camera(row) for row in rows]

    def get(self, name: str) -> Camera:
        """One camera.

        Raises:
            CameraError: There is none of that name.
        """
        with reading(self._engine) as session:
            return _to_camera(_find(session, name))

    def add(self, camera: Camera) -> Camera:
        """Put a camera into the database.

        Args:
            camera: A `user:password@` in its url is split off where the separate fields are
                empty. Its revision is ignored.

        Returns:
            The camera as stored.

        Raises:
            CameraError: The name or address is unusable, or the name is taken.
        """
        camera = _checked(camera)
        try:
            with writing(self._engine) as session:
                row = _row_of(session, camera.name)
                if row is not None and row.removed_at is None:
                    raise _taken(camera.name)
                if row is None:
                    row = CameraRow(name=camera.name, revision=0, created_at=datetime.now(UTC))
                    session.add(row)
                # A name that comes back goes on with its history: what was not watched before it
                # was removed, and while it was, stays in the reports.
                row.removed_at = None
                _write(row, camera)
                return _to_camera(row)
        except IntegrityError as error:
            # Two programs added the same name in the same instant.
            raise _taken(camera.name) from error

    def update(self, name: str, **changes: Any) -> Camera:
        """Change fields of a camera, named as in `Camera`.

        An address that comes back as `shown` gives it leaves the stored one as it is.

        Raises:
            CameraError: There is none of that name, or a value is unusable.
        """
        if unknown := set(changes) - _CHANGEABLE:
            raise CameraError(
                f"camera {name!r}: {', '.join(sorted(unknown))} cannot be changed; "
                f"these can: {', '.join(sorted(_CHANGEABLE))}"
            )
        with writing(self._engine) as session:
            row = _find(session, name)
            if changes.get("url") == shown(row.url):
                del changes["url"]
            _write(row, _checked(replace(_to_camera(row), **_with_login(changes))))
            return _to_camera(row)

    def remove(self, name: str) -> None:
        """Stop watching with a camera; what it has counted stays in the reports.

        Raises:
            CameraError: There is none of that name.
        """
        with writing(self._engine) as session:
            row = _find(session, name)
            row.removed_at = datetime.now(UTC)
            row.revision += 1
            row.url = shown(row.url)
            row.username = ""
            row.password = ""

    def seed(self, settings: Settings) -> tuple[str, ...]:
        """Add the configuration file's cameras that the database has never had.

        Returns:
            The names that were added. A camera that was removed by hand stays removed.
        """
        known = self._known_names()
        added = []
        for wish in settings.cameras:
            if wish.name in known:
                continue
            camera = Camera(
                name=wish.name,
                url=wish.url,
                username=wish.username,
                password=wish.password.get_secret_value(),
                fps=wish.fps or settings.ingest.fps,
                is_replay=wish.is_replay,
                loops=wish.loops,
                transport=wish.transport,
            )
            added.append(self.add(camera).name)
        return tuple(added)

    def _known_names(self) -> set[str]:
        with reading(self._engine) as session:
            return set(session.scalars(select(CameraRow.name)))


@dataclass(frozen=True, slots=True)
class CameraLife:
    """From when to when there was a camera, removed ones included."""

    name: str
    created_at: datetime
    removed_at: datetime | None


def camera_lives(engine: Engine) -> tuple[CameraLife, ...]:
    """Every camera that there ever was, by name."""
    question = select(CameraRow.name, CameraRow.created_at, CameraRow.removed_at)
    with reading(engine) as session:
        found = session.execute(question.order_by(CameraRow.name))
        return tuple(CameraLife(name, created, removed) for name, created, removed in found)


def _with_login(changes: dict[str, Any]) -> dict[str, Any]:
    """A log-in in a new address replaces the old one, unless it is given beside it."""
    if "url" not in changes:
        return changes
    address = split_credentials(check_address(changes["url"]))
    login = {"username": address.username, "password": address.password}
    given = {field: value for field, value in login.items() if value}
    return {**given, **changes, "url": address.url}


def _checked(camera: Camera) -> Camera:
    check_camera_name(camera.name)
    check_address(camera.url)
    address = split_credentials(camera.url)
    camera = replace(
        camera,
        url=address.url,
        username=camera.username or address.username,
        password=camera.password or address.password,
    )
    if not f"{camera.username}{camera.password}".isprintable():
        raise CameraError(
            f"camera {camera.name!r}: user or password holds a character that cannot be "
            "printed, such as the end of a line; type them anew"
        )
    if is_path(camera.url) and not camera.url.startswith("/"):
        raise CameraError(
            f"camera {camera.name!r}: give the whole path of the file {shown(camera.url)!r}, "
            "from the root, or an address that begins with rtsp://, http:// or webcam:"
        )
    if not 0 < camera.fps <= 60:
        raise CameraError(f"camera {camera.name!r}: fps {camera.fps:g} is not above 0 and up to 60")
    if camera.transport not in ("tcp", "udp"):
        raise CameraError(
            f"camera {camera.name!r}: transport {camera.transport!r} is neither 'tcp' nor 'udp'"
        )
    if camera.is_replay and camera.loops:
        raise CameraError(f"camera {camera.name!r}: a replay ends, it cannot loop; choose one")
    if camera.is_replay and not is_file(camera.url):
        raise CameraError(
            f"camera {camera.name!r}: {shown(camera.url)!r} is no file: only a file can be "
            "replayed; give its path, or leave the replay out"
        )
    return camera


def _taken(name: str) -> CameraError:
    return CameraError(
        f"camera {name!r} exists already; choose another name or `maskwatch camera remove {name}`"
    )


def _row_of(session: Session, name: str) -> CameraRow | None:
    return session.scalars(select(CameraRow).where(CameraRow.name == name)).one_or_none()


def _find(session: Session, name: str) -> CameraRow:
    row = _row_of(session, name)
    if row is not None and row.removed_at is None:
        return row
    names = session.scalars(
        select(CameraRow.name).where(CameraRow.removed_at.is_(None)).order_by(CameraRow.name)
    ).all()
    raise CameraError(f"there is no camera {name[:63]!r}; {_known(names)}")


def _known(names: Iterable[str]) -> str:
    listed = ", ".join(names)
    return f"there are: {listed}" if listed else "none has been added yet"


def _write(row: CameraRow, camera: Camera) -> None:
    row.url = camera.url
    row.username = camera.username
    row.password = camera.password
    row.fps = camera.fps
    row.is_enabled = camera.enabled
    row.is_replay = camera.is_replay
    row.loops = camera.loops
    row.transport = camera.transport
    start = camera.replay_start_unix_s
    row.replay_start_at = None if start is None else from_unix(start)
    row.revision += 1


def _to_camera(row: CameraRow) -> Camera:
    return Camera(
        name=row.name,
        url=row.url,
        username=row.username,
        password=row.password,
        fps=row.fps,
        enabled=row.is_enabled,
        is_replay=row.is_replay,
        loops=row.loops,
        transport=row.transport,
        replay_start_unix_s=row.replay_start_at.timestamp() if row.replay_start_at else None,
        revision=row.revision,
    )
