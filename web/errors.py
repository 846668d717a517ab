"""Errors as the reader needs them: a page for people, `{"message", "detail"}` for programs."""

import logging
from http import HTTPStatus
from typing import Any

from apiflask import APIFlask, HTTPError
from flask import Request, Response, jsonify, render_template, request
from werkzeug.datastructures import Headers

from maskwatch.errors import (
    BusError,
    CameraError,
    JobError,
    MaskwatchError,
    MediaError,
    StorageError,
)

logger = logging.getLogger(__name__)

_STATUS: dict[type[MaskwatchError], int] = {
    BusError: 503,
    StorageError: 503,
    JobError: 503,
    CameraError: 422,
    MediaError: 422,
}

_TITLES = {
    400: "This request makes no sense",
    401: "A password is needed",
    403: "This is not allowed",
    404: "There is no such page",
    405: "This address cannot do that",
    413: "The file is too large",
    500: "Something went wrong here",
    503: "A part of maskwatch is not answering",
}


def is_for_programs(incoming: Request) -> bool:
    """Whether the answer should be JSON, also in the case of an error."""
    return incoming.path.startswith(("/api/", "/metrics", "/healthz", "/readyz"))


def api_error(status: int, message: str, *, detail: Any = None) -> Response:
    """The JSON of an error, as the API promises it."""
    response = jsonify({"message": message, "detail": detail if detail is not None else {}})
    response.status_code = status
    return response


def init_app(app: APIFlask) -> None:
    """Register the two forms of errors."""
    app.error_processor(_http_error)
    app.register_error_handler(MaskwatchError, _maskwatch_error)


def _http_error(error: HTTPError) -> Response:
    message = error.message or HTTPStatus(error.status_code).phrase
    return _answer(error.status_code, message, detail=error.detail, headers=Headers(error.headers))


def _maskwatch_error(error: MaskwatchError) -> Response:
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("%s %s: %s", request.method, request.path, error, exc_info=error)
    return _answer(status, str(error), detail={}, headers=Headers())


def _answer(status: int, message: str, *, detail: Any, headers: Headers) -> Response:
    headers.remove("Content-Length")
    if is_for_programs(request):
        response = api_error(status, message, detail=detail)
        response.headers.update(headers)
        return response
    title = _TITLES.get(status, HTTPStatus(status).phrase)
    # The reason is shown only where it was written for people, not the bare phrase of the status.
    reason = "" if message == HTTPStatus(status).phrase else message
    page = render_template("error.html", status=status, title=title, reason=reason)
    return Response(page, status, headers, mimetype="text/html")
