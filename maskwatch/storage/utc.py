"""Times of the database: always aware, always UTC."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A column of aware datetimes in UTC, to the microsecond, the same on both databases.

    SQLite keeps no zone: the naive UTC time is stored and comes back aware.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time: its zone would be a guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; give an aware datetime")
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Give back an aware UTC time."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def from_unix(seconds: float) -> datetime:
    """The aware UTC time of seconds since 1970, to the nearest microsecond."""
    return datetime.fromtimestamp(seconds, tz=UTC)


def minute_of(moment: datetime) -> datetime:
    """The start of the UTC minute."""
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def hour_of(moment: datetime) -> datetime:
    """The start of the UTC hour."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
