"""`/api/v1/cameras`: list, add, change, remove. A password goes in and never comes out."""

from typing import Any

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue

from maskwatch.address import shown
from maskwatch.contracts import Camera
from maskwatch.errors import CameraError
from web.api.schemas import CameraChanges, CameraIn, CameraList, CameraOut
from web.errors import api_error
from web.services import Services, services

blueprint = APIBlueprint("cameras", __name__, url_prefix="/api/v1", tag="Cameras")


@blueprint.get("/cameras")
@blueprint.output(CameraList)
def list_cameras() -> Any:
    """List all cameras with what each is doing now."""
    shared = services()
    cards = {card["name"]: card for card in shared.overview.snapshot().cards}
    return {"cameras": [_shown(camera, cards) for camera in shared.cameras.list()]}


@blueprint.post("/cameras")
@blueprint.input(CameraIn, arg_name="wish")
@blueprint.output(CameraOut, status_code=201)
@blueprint.doc(responses=[409])
def add_camera(wish: CameraIn) -> Any:
    """Add a camera; it is read within seconds."""
    shared = services()
    if wish.name in shared.overview.names():
        return api_error(409, f"There is a camera {wish.name!r} already; choose another name.")
    values = wish.model_dump(exclude={"password"}, exclude_none=True)
    values.setdefault("fps", shared.settings.ingest.fps)
    camera = shared.cameras.add(Camera(password=wish.password.get_secret_value(), **values))
    return _one(shared, camera)


@blueprint.get("/cameras/<name>")
@blueprint.output(CameraOut)
@blueprint.doc(responses=[404])
def get_camera(name: str) -> Any:
    """Get one camera with what it is doing now."""
    shared = services()
    try:
        camera = shared.cameras.get(name)
    except CameraError as error:
        return api_error(404, str(error))
    return _one(shared, camera)


@blueprint.patch("/cameras/<name>")
@blueprint.input(CameraChanges, arg_name="wish")
@blueprint.output(CameraOut)
@blueprint.doc(responses=[404])
def change_camera(name: str, wish: CameraChanges) -> Any:
    """Change a camera; fields that are left out stay as they are."""
    shared = services()
    try:
        shared.cameras.get(name)
    except CameraError as error:
        return api_error(404, str(error))
    changes = wish.model_dump(exclude={"password"}, exclude_unset=True, exclude_none=True)
    if wish.password is not None:
        changes["password"] = wish.password.get_secret_value()
    camera = shared.cameras.update(name, **changes) if changes else shared.cameras.get(name)
    return _one(shared, camera)


@blueprint.delete("/cameras/<name>")
@blueprint.output({}, status_code=204)
@blueprint.doc(responses=[404])
def remove_camera(name: str) -> ResponseReturnValue:
    """Stop reading a camera; what it has counted stays in the reports."""
    try:
        services().cameras.remove(name)
    except CameraError as error:
        return api_error(404, str(error))
    return "", 204


def _one(shared: Services, camera: Camera) -> dict[str, Any]:
    cards = {c["name"]: c for c in shared.overview.snapshot(names=[camera.name]).cards}
    return _shown(camera, cards)


def _shown(camera: Camera, cards: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The camera as anybody may see it."""
    return {
        "name": camera.name,
        "url": shown(camera.url),
        "username": camera.username,
        "has_password": bool(camera.password),
        "fps": camera.fps,
        "enabled": camera.enabled,
        "is_replay": camera.is_replay,
        "loops": camera.loops,
        "transport": camera.transport,
        "revision": camera.revision,
        # A camera that was removed between two questions has no card.
        "now": cards.get(camera.name),
    }
