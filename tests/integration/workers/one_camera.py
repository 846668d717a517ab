"""What the recorder's tests have in common: one camera's epoch, and how far it is counted."""

from sqlalchemy import Engine

from maskwatch.storage import last_position
from maskwatch.storage.utc import from_unix
from tests.worlds.result_log import START_UNIX_S, Epoch
from tests.worlds.walkers import crowd

START = from_unix(START_UNIX_S - 30)

END = from_unix(START_UNIX_S + 3600)


def epoch(*, is_replay: bool = True, camera: str = "a", seed: int = 1) -> Epoch:
    return Epoch(
        camera=camera, walkers=crowd(people=12, seconds=40, seed=seed), seconds=45,
        is_replay=is_replay, seed=seed,
    )  # fmt: skip


def is_finished(engine: Engine) -> bool | None:
    position = last_position(engine, "a")
    return position.is_finished if position else None
