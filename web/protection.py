"""What every response and every changing request is held to, whoever asks.

- Security headers: no script or style but our own files, no framing, no sniffing.
- On loopback only requests for a loopback name are answered (a page elsewhere cannot rebind its
  name to 127.0.0.1 and read ours).
- A browser may change something only from our own pages: forms carry a token (Flask-WTF), and the
  API compares the Origin and Sec-Fetch-Site headers that browsers set and pages cannot forge.
"""

from typing import Final
from urllib.parse import urlsplit

from apiflask import APIFlask
from flask import Request, Response, request
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect

from maskwatch.config import LOOPBACK, Settings
from web.errors import api_error

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; form-action 'self'; manifest-src 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})

csrf = CSRFProtect()


def init_app(app: APIFlask, settings: Settings) -> None:
    """Hold the app's requests and responses to the rules above."""
    is_open = not settings.web.password_hash.get_secret_value()
    if is_open and settings.web.host in LOOPBACK:
        app.before_request(_refuse_other_names)
    csrf.init_app(app)
    app.before_request(_refuse_other_sites)
    app.after_request(_add_headers)


def is_from_elsewhere(incoming: Request) -> bool:
    """Whether a browser sends this from a page of another site. Programs send neither header."""
    site = incoming.headers.get("Sec-Fetch-Site")
    if site is not None and site not in ("same-origin", "none"):
        return True
    origin = incoming.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != incoming.host


def _refuse_other_names() -> ResponseReturnValue | None:
    # Flask's own TRUSTED_HOSTS cannot hold an IPv6 address.
    name = urlsplit(f"//{request.host}").hostname
    if name in LOOPBACK:
        return None
    return api_error(400, "This server answers under 127.0.0.1 and localhost only.")


def _refuse_other_sites() -> ResponseReturnValue | None:
    is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
    is_change = request.method not in _READING
    if request.path.startswith("/api/") and (is_change or is_socket) and is_from_elsewhere(request):
        return api_error(403, "This request comes from a page of another site.")
    return None


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if not request.path.startswith("/static/"):
        response.headers.setdefault("Cache-Control", "no-store")
    return response
