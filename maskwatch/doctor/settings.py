"""What is wrong in the settings themselves, and so would be at each try, told before any start."""

from pathlib import Path

from maskwatch.access import check_access
from maskwatch.bus import connect_jobs
from maskwatch.config import Settings, WorkerSettings
from maskwatch.errors import ModelError

_BUILTIN = "builtin"
_YUNET = "yunet:"
_TASKS = {"detector": "face_detector", "classifier": "mask_classifier"}


def check_settings(settings: Settings) -> None:
    """Refuse settings with which a process ends however often it is started again.

    Quick: no server is asked and no network is loaded. What takes longer is the doctor's.

    Raises:
        ConfigError: The pages cannot be served with these settings.
        BusError: An address of Redis is none.
        ModelError: A network of the user's has no file, no card, or not the card's file.
    """
    check_access(settings)
    connect_jobs(settings).close()
    check_networks(settings.workers)


def check_networks(workers: WorkerSettings) -> None:
    """Refuse networks of the user's whose files are not there or are not what their cards say.

    Raises:
        ModelError: As told.
    """
    if workers.detector == workers.classifier == _BUILTIN:
        return  # the networks' engine is not imported for what comes with the program
    from models.card import check_weights, read_card
    from models.registry import card_paths

    cards = card_paths(workers)
    for key, task in _TASKS.items():
        _check_is_there(key, getattr(workers, key))
        if key not in cards:
            continue  # YuNet has none
        card = read_card(cards[key])
        if card.task != task:
            raise ModelError(
                f"workers.{key} = {getattr(workers, key)!r}: card {cards[key]} is for "
                f"{card.task}, a {task} is needed"
            )
        check_weights(card, cards[key].parent / card.file)


def _check_is_there(key: str, name: str) -> None:
    path = Path(name.removeprefix(_YUNET)).expanduser()
    if name != _BUILTIN and not path.is_file():
        raise ModelError(
            f"workers.{key} = {name!r}: no such file; name one that is there, or use 'builtin'"
        )
