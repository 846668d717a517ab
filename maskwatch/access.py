"""Which addresses may be served how. Light to import: `maskwatch up` and the doctor ask it too."""

from maskwatch.config import LOOPBACK, Settings
from maskwatch.errors import ConfigError


def check_access(settings: Settings) -> None:
    """Refuse `[web]` settings with which the pages can never be served: only loopback is open.

    Raises:
        ConfigError: Another address without a password, no address, or a hash of a kind that cannot
            be checked.
    """
    host, password_hash = settings.web.host, settings.web.password_hash.get_secret_value()
    if not host:
        raise ConfigError(
            "[web] host = '' is no address; use '127.0.0.1' for this machine alone, or '0.0.0.0' "
            "with a password for all"
        )
    if password_hash and not password_hash.startswith(("scrypt:", "pbkdf2:")):
        raise ConfigError(
            "[web] password_hash is no hash; run `maskwatch password` and paste what it prints"
        )
    if host in LOOPBACK or password_hash:
        return
    raise ConfigError(
        f"[web] host = {host!r} can be reached from other machines, and there is no password; "
        "run `maskwatch password` and set [web] password_hash, or use host = '127.0.0.1'"
    )
