"""Bring the tables up to date, also when several processes start at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, text

from maskwatch.errors import StorageError
from maskwatch.storage.database import database_name, storage_errors, write_connection

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK_ID = 7_262_773_215
"""PostgreSQL advisory lock: any number that other programs do not use."""


def migrate(engine: Engine) -> None:
    """Make or update the tables; does nothing where they are up to date.

    Raises:
        StorageError: The database cannot be written, or a newer maskwatch made its tables.
    """
    script = ScriptDirectory(str(_MIGRATIONS))
    head = script.get_current_head()
    # A look first: processes that only start must not queue for the write lock.
    if schema_revision(engine) == head:
        return
    with write_connection(engine) as connection:
        _lock(connection)
        current = MigrationContext.configure(connection).get_current_revision()
        if current == head:
            return
        _refuse_newer(engine, script, current)
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def newest_revision() -> str | None:
    """The revision of the tables that this program makes."""
    return ScriptDirectory(str(_MIGRATIONS)).get_current_head()


def schema_revision(engine: Engine) -> str | None:
    """The revision of the tables, None for an empty database."""
    with storage_errors(engine), engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _lock(connection: Connection) -> None:
    # SQLite: the transaction began IMMEDIATE and is alone already.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _LOCK_ID})


def _refuse_newer(engine: Engine, script: ScriptDirectory, current: str | None) -> None:
    if current is None:
        return
    try:
        script.get_revision(current)
    except CommandError as error:
        raise StorageError(
            f"database {database_name(engine)!r} was made by a newer maskwatch (schema "
            f"{current}); update this program or restore an older backup"
        ) from error
