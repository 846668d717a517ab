"""Which GPUs this machine has, and which of them each worker gets."""

from collections.abc import Mapping, Sequence
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""The variable by which CUDA's programs, all engines among them, see only some GPUs."""

_DRIVER = Path("/proc/driver/nvidia/gpus")


def visible_gpus(environment: Mapping[str, str], driver: Path = _DRIVER) -> list[str]:
    """Returns the GPUs that programs of this environment see, as `VISIBLE` names them.

    Args:
        environment: Where `VISIBLE` is set, its list; an empty one hides every GPU.
        driver: Folder in which NVIDIA's driver has an entry for each GPU.
    """
    if VISIBLE in environment:
        return [name.strip() for name in environment[VISIBLE].split(",") if name.strip()]
    try:
        return [str(number) for number, _ in enumerate(driver.iterdir())]
    except OSError:
        return []


def gpu_of(number: int, gpus: Sequence[str]) -> dict[str, str]:
    """Returns what gives worker `number` (1, 2 …) a GPU of its own, in turn; nothing without any.

    An engine takes the first GPU it sees, so all workers would share that one.
    """
    return {VISIBLE: gpus[(number - 1) % len(gpus)]} if gpus else {}
