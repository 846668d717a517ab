"""Who may see anything: one password, as a session for people and a header for programs.

Where the configuration holds no password hash (possible on loopback only, see `web.server`), nobody
is asked.
"""

import hashlib
import hmac
import os
import secrets
import threading
from pathlib import Path
from typing import Final

from apiflask import APIBlueprint, APIFlask
from flask import Request, current_app, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from werkzeug.security import check_password_hash

from maskwatch.config import Settings
from maskwatch.errors import ConfigError
from web.errors import api_error, is_for_programs
from web.forms import LogInForm

FAILURES_A_MINUTE: Final = 10
"""Wrong passwords from one address before it has to wait."""

OPEN_ENDPOINTS: Final = frozenset(
    {"auth.log_in", "health.alive", "health.ready", "static"},
)
"""What answers without a password."""

LARGEST_OPEN_BYTES: Final = 64 * 1024
"""What may be sent there: without the password nobody hands in a file."""

_SESSION_KEY: Final = "opened_with"
_SECRET_FILE: Final = "web-secret.key"  # noqa: S105 (the name of a file)

blueprint = APIBlueprint("auth", __name__, enable_openapi=False)


class PasswordGate:
    """Tells whether a request may pass. One for each web process; safe between threads.

    Args:
        password_hash: As `maskwatch password` prints it; "" lets everybody pass.
        secret: Key of this installation; signs, and never leaves the process.
    """

    def __init__(self, password_hash: str, secret: bytes) -> None:
        self._hash = password_hash
        self._secret = secret
        self._accepted = b""
        self._lock = threading.Lock()
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._limit = RateLimitItemPerMinute(FAILURES_A_MINUTE)

    @property
    def is_needed(self) -> bool:
        """Whether a password is asked for."""
        return bool(self._hash)

    @property
    def session_mark(self) -> str:
        """What an opened session holds. A changed password ends all sessions."""
        return self._digest(self._hash).hex()[:32]

    def may_try(self, address: str) -> bool:
        """Whether this address has wrong passwords left in this minute."""
        return self._limiter.test(self._limit, address)

    def accepts(self, password: str, *, address: str) -> bool:
        """Check a password; a wrong one counts against the address.

        The slow hash is taken once for the right password; afterwards a keyed digest of it is
        compared: a program that sends it with each request does not cost 50 ms each time.
        """
        digest = self._digest(password)
        with self._lock:
            known = self._accepted
        if known and hmac.compare_digest(digest, known):
            return True
        if not self.may_try(address):
            return False
        if check_password_hash(self._hash, password):
            with self._lock:
                self._accepted = digest
            return True
        self._limiter.hit(self._limit, address)
        return False

    def _digest(self, text: str) -> bytes:
        return hmac.new(self._secret, text.encode(), hashlib.sha256).digest()


def secret_key(settings: Settings) -> bytes:
    """The installation's key: the configured one, else one made once and kept in `data_dir`.

    Raises:
        ConfigError: The file can be neither read nor written.
    """
    if configured := settings.web.secret_key.get_secret_value():
        return configured.encode()
    path = settings.data_dir / _SECRET_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _read_or_make(path)
    except OSError as error:
        raise ConfigError(
            f"key file {str(path)!r} cannot be used: {error.strerror}; make its folder writable or "
            "set [web] secret_key"
        ) from error


def _read_or_make(path: Path) -> bytes:
    try:
        # Exclusive, so that two processes that start together agree on one key.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(descriptor, "wb") as file:
        key = secrets.token_hex(32).encode()
        file.write(key)
    return key


def init_app(app: APIFlask, gate: PasswordGate) -> None:
    """Let the gate stand before every request of the app."""
    app.extensions["maskwatch_gate"] = gate
    app.register_blueprint(blueprint)
    app.before_request(_require_password)
    app.context_processor(lambda: _who_asks(gate))


def _who_asks(gate: PasswordGate) -> dict[str, bool]:
    """For templates: whether the pages are open to the reader, and whether a session can end."""
    has_session = gate.is_needed and _is_open_session(gate)
    return {"has_session": has_session, "may_see": has_session or not gate.is_needed}


def _gate() -> PasswordGate:
    gate: PasswordGate = current_app.extensions["maskwatch_gate"]
    return gate


def _require_password() -> ResponseReturnValue | None:
    gate = _gate()
    if not gate.is_needed or _is_open_session(gate):
        return None
    if request.endpoint in OPEN_ENDPOINTS:
        request.max_content_length = LARGEST_OPEN_BYTES
        return None
    address = request.remote_addr or ""
    offered = _offered_password(request)
    if offered is not None and gate.accepts(offered, address=address):
        return None
    if not is_for_programs(request):
        return redirect(url_for("auth.log_in", next=_way_back()))
    if offered is not None and not gate.may_try(address):
        return api_error(429, "Too many wrong passwords; wait a minute.")
    response = api_error(401, "A password is needed: 'Authorization: Bearer PASSWORD'.")
    response.headers["WWW-Authenticate"] = 'Bearer realm="maskwatch"'
    return response


def _way_back() -> str | None:
    """Where to go after the log-in: the page that was asked for, where it can be asked for again.

    A form's target may be unable to show anything, and what was filled in is gone anyhow.
    """
    rule = request.url_rule
    is_page = rule is not None and "GET" in (rule.methods or ())
    return request.full_path.rstrip("?") if is_page else None


def _is_open_session(gate: PasswordGate) -> bool:
    return hmac.compare_digest(str(session.get(_SESSION_KEY, "")), gate.session_mark)


def _offered_password(incoming: Request) -> str | None:
    authorization = incoming.authorization
    if authorization is None:
        return None
    if authorization.type == "bearer":
        return authorization.token
    return authorization.password if authorization.type == "basic" else None


def _safe_next(target: str) -> str:
    """Only a path of this site: '//host' and 'https://host' lead elsewhere.

    Browsers leave out tabs and line ends and take a backslash for a slash, so that '/<tab>/host'
    is '//host' to them. No address of ours holds such a character.
    """
    is_plain = all(character > " " and character != "\\" for character in target)
    is_local = target.startswith("/") and not target.startswith("//")
    return target if is_plain and is_local else url_for("pages.wall")


@blueprint.route("/login", methods=["GET", "POST"])
def log_in() -> ResponseReturnValue:
    """Ask for the password and open a session."""
    gate = _gate()
    target = _safe_next(request.args.get("next", ""))
    if not gate.is_needed or _is_open_session(gate):
        return redirect(target)
    form = LogInForm()
    if not form.validate_on_submit():
        return render_template("login.html", form=form, problem="")
    address = request.remote_addr or ""
    if gate.accepts(form.password.data or "", address=address):
        session.clear()
        session.permanent = True
        session[_SESSION_KEY] = gate.session_mark
        return redirect(target)
    if not gate.may_try(address):
        problem = "Too many wrong passwords from this address. Wait a minute and try again."
        return render_template("login.html", form=form, problem=problem), 429
    return render_template("login.html", form=form, problem="That password is wrong."), 401


@blueprint.post("/logout")
def log_out() -> ResponseReturnValue:
    """End the session."""
    session.clear()
    return redirect(url_for("auth.log_in"))
