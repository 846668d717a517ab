"""Quarters of an hour in SQL: the grain at which every time zone's hours and midnights begin."""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

QUARTER_S: Final = 900


class Quarter(FunctionElement[int]):
    """Number of the quarter of an hour since 1970 that a time lies in."""

    inherit_cache = True
    type = BigInteger()
    name = "quarter"


def quarter_start(number: int) -> datetime:
    """When that quarter began, in UTC."""
    return datetime.fromtimestamp(int(number) * QUARTER_S, UTC)


def quarter_of(moment: datetime) -> datetime:
    """The start of the quarter of an hour, in UTC."""
    return quarter_start(int(moment.timestamp()) // QUARTER_S)


@compiles(Quarter, "sqlite")
def _sqlite(element: Quarter, compiler: Any, **kwargs: Any) -> str:
    column = compiler.process(element.clauses, **kwargs)
    return f"(CAST(strftime('%s', {column}) AS INTEGER) / {QUARTER_S})"


@compiles(Quarter, "postgresql")
def _postgresql(element: Quarter, compiler: Any, **kwargs: Any) -> str:
    column = compiler.process(element.clauses, **kwargs)
    return f"CAST(floor(extract(epoch from {column}) / {QUARTER_S}) AS BIGINT)"
