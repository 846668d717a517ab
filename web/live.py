"""Moving pictures: one WebSocket for a whole wall, MJPEG for one camera, and single pictures.

Protocol of `/api/v1/live?cameras=a,b` (without `cameras`: all): text messages are JSON of type
"status", one a second; binary messages are pictures, see `web.hub.Picture.message`. The client
sends nothing.
"""

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from apiflask import APIBlueprint, FileSchema
from flask import Response, request, stream_with_context
from flask.typing import ResponseReturnValue
from flask_sock import Sock
from simple_websocket import ConnectionClosed
from simple_websocket import Server as WebSocket
from wsproto.frame_protocol import CloseReason

from maskwatch.camera_name import check_camera_name
from maskwatch.errors import CameraError
from web.errors import api_error
from web.hub import Hub, HubFullError, Picture, Viewer
from web.placeholder import placeholder_jpeg
from web.services import Services, services

logger = logging.getLogger(__name__)

SILENCE_S: Final = 5.0
"""After so long without a picture a stream shows why, and never the old picture."""

SNAPSHOT_WAIT_S: Final = 3.0
"""How long a single picture may take: a camera that nobody watched is not drawn yet."""

MAX_NAMES: Final = 256
"""Cameras that one connection may name."""

_SEND_BUFFER_BYTES: Final = 256 * 1024
_DEAD_PEER_MS: Final = 15_000
_BOUNDARY: Final = "maskwatch-picture"

blueprint = APIBlueprint("live", __name__, url_prefix="/api/v1", tag="Live")
sock = Sock()


@sock.route("/api/v1/live")  # type: ignore[untyped-decorator]
def live(connection: WebSocket) -> None:
    """Send pictures and states until the other side leaves."""
    wanted = request.args.get("cameras")
    hub = services().hub
    try:
        viewer = hub.join(None if wanted is None else _names_in(wanted))
    except HubFullError as error:
        connection.close(CloseReason.TRY_AGAIN_LATER, str(error)[:120])
        return
    _bound_what_waits(connection.sock)
    try:
        _send_all(connection, viewer)
    except (ConnectionClosed, OSError) as error:
        logger.debug("a viewer has left: %s", error)
    finally:
        hub.leave(viewer)


def _names_in(text: str) -> list[str]:
    """The names that a camera could have: each becomes part of a Redis key."""
    names = []
    for name in text.split(",")[:MAX_NAMES]:
        with suppress(CameraError):
            names.append(check_camera_name(name))
    return names


def _send_all(connection: WebSocket, viewer: Viewer) -> None:
    while connection.connected and not viewer.is_closed:
        message = viewer.take(1.0)
        if isinstance(message, Picture):
            connection.send(message.message(time.time()))
        elif message is not None:
            connection.send(message)


def _bound_what_waits(stream: socket.socket | None) -> None:
    """Keep the kernel from holding seconds of pictures for the slow, or for ever for the dead.

    A send to somebody who has read nothing for `_DEAD_PEER_MS` fails, which ends the view and frees
    its thread. Another server than ours may not show its sockets.
    """
    if stream is None:
        return
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    if stream.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_USER_TIMEOUT"):
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_PEER_MS)


def without_compression(wsgi: Any) -> Any:
    """WSGI wrapper: pictures are compressed already, so the WebSocket must not do it again."""

    def wrapped(environ: dict[str, Any], start_response: Any) -> Any:
        environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        return wsgi(environ, start_response)

    return wrapped


@blueprint.get("/cameras/<name>/snapshot.jpg")
@blueprint.output(FileSchema, content_type="image/jpeg")
@blueprint.doc(responses=[404, 503])
def snapshot(name: str) -> ResponseReturnValue:
    """Get the camera's present picture.

    503 with the reason where there is none that is fresh.
    """
    shared = services()
    if (unknown := _unknown(shared, name)) is not None:
        return unknown
    picture = _fresh_picture(shared.hub, name)
    if picture is None:
        card = shared.overview.snapshot(names=[name]).cards[0]
        return api_error(503, f"There is no fresh picture of {name}: {card['label']}.", detail=card)
    return Response(picture.jpeg, mimetype="image/jpeg")


@blueprint.get("/cameras/<name>/stream.mjpg")
@blueprint.output(FileSchema, content_type="multipart/x-mixed-replace")
@blueprint.doc(responses=[404, 503])
def stream(name: str) -> ResponseReturnValue:
    """Watch the camera as MJPEG, for players and home automation."""
    shared = services()
    if (unknown := _unknown(shared, name)) is not None:
        return unknown
    try:
        viewer = shared.hub.join([name])
    except HubFullError as error:
        return api_error(503, str(error))
    _bound_what_waits(request.environ.get("gunicorn.socket"))
    parts = stream_with_context(_parts(shared, viewer, name))
    response = Response(parts, mimetype=f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
    # Also where the other side is gone before the first part is asked for.
    response.call_on_close(lambda: shared.hub.leave(viewer))
    return response


def _unknown(shared: Services, name: str) -> ResponseReturnValue | None:
    try:
        shared.cameras.get(name)
    except CameraError as error:
        return api_error(404, str(error))
    return None


def _fresh_picture(hub: Hub, name: str) -> Picture | None:
    try:
        viewer = hub.join([name])
    except HubFullError:
        return None
    deadline = time.monotonic() + SNAPSHOT_WAIT_S
    try:
        while (left_s := deadline - time.monotonic()) > 0 and not viewer.is_closed:
            message = viewer.take(left_s)
            if isinstance(message, Picture) and message.age_s(time.time()) <= SILENCE_S:
                return message
    finally:
        hub.leave(viewer)
    return None


def _parts(shared: Services, viewer: Viewer, name: str) -> Iterator[bytes]:
    """Pictures as they come; after a silence a card that says why, which also finds a peer gone."""
    shown_at = time.monotonic()
    while not viewer.is_closed:
        message = viewer.take(1.0)
        if isinstance(message, Picture) and message.age_s(time.time()) <= SILENCE_S:
            shown_at = time.monotonic()
            yield _part(message.jpeg)
        elif time.monotonic() - shown_at > SILENCE_S:
            shown_at = time.monotonic()
            cards = shared.overview.snapshot(names=[name]).cards
            if not cards:
                return  # the camera has been removed
            yield _part(placeholder_jpeg(cards[0]))


def _part(jpeg: bytes) -> bytes:
    head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
    return head.encode() + jpeg + b"\r\n"
