"""Analysing one file in a process of its own: `maskwatch analyze`, read line by line.

So a job says exactly what the command says, a file that crashes a decoder takes no worker with it,
and the networks' memory is given back with the end of the job.
"""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import av
import msgspec

from maskwatch.config import Settings
from maskwatch.contracts import Verdict
from maskwatch.errors import JobError, MaskwatchError, MediaError
from maskwatch.supervisor.environment import child_environment

# The child must not outlive this process, even after kill -9.
_PROGRAM: Final = (
    "import os, sys\n"
    "from maskwatch.process import die_with_parent\n"
    "die_with_parent(int(sys.argv[1]))\n"
    "from maskwatch.cli import main\n"
    "main(['analyze', '--json', '-', '--', sys.argv[2]])\n"
)
_TOLD: Final = "maskwatch: "


def analyse_file(
    path: Path, settings: Settings, *, on_progress: Callable[[int], None]
) -> dict[str, Any]:
    """Analyse a picture or video.

    Args:
        path: The file.
        settings: For the networks and the recorder.
        on_progress: Called with 0 to 99 as the percentage grows.

    Returns:
        `frames` (analysed), `totals` (verdict to number) and, for a video, its `passages`, for a
        picture its `faces`.

    Raises:
        MediaError: The file cannot be analysed; another attempt would end the same way.
        JobError: The analysis ended without a word.
    """
    length_s = _length_of(path)
    frames, percent = 0, 0
    last: dict[str, Any] = {}
    with _running(path, settings) as lines:
        for text in lines:
            last = msgspec.json.decode(text)
            if "frame" not in last:
                continue
            frames += 1
            if length_s and (now := min(int(100 * last["time_s"] / length_s), 99)) > percent:
                percent = now
                on_progress(percent)
    found = _summary(last)
    return {"frames": frames, **found}


def _summary(last: dict[str, Any]) -> dict[str, Any]:
    """The last line says it all: of a video its passages, of a picture its faces."""
    if "passages" in last:
        return {"passages": last["passages"], "totals": last["totals"]}
    labels = Counter(face["label"] for face in last["faces"])
    totals = {verdict.value: labels[verdict.value] for verdict in Verdict}
    return {"faces": last["faces"], "totals": totals}


@contextmanager
def _running(path: Path, settings: Settings) -> Iterator[IO[bytes]]:
    """The analysis's lines; its end is checked, and it never stays behind."""

    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(  # noqa: S603 - this very Python, no shell
            [sys.executable, "-P", "-c", _PROGRAM, str(os.getpid()), str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=words,
            env=child_environment(settings, role="jobs"),
        )
        try:
            if process.stdout is None:
                raise JobError(f"analysis of {str(path)!r}: its output cannot be read")
            with process.stdout:
                yield process.stdout
            process.wait()
        finally:
            # Ended long ago, unless something was raised: the job's time is over.
            process.kill()
            process.wait()
        if process.returncode != 0:
            words.seek(0)
            raise _failure(path, process.returncode, words.read().decode(errors="replace"))


def _failure(path: Path, code: int, words: str) -> MaskwatchError:
    lines = words.splitlines()
    told = [line.removeprefix(_TOLD) for line in lines if line.startswith(_TOLD)]
    if code == 1 and told:
        return MediaError(told[-1])
    last = lines[-1] if lines else "it said nothing"
    return JobError(f"analysis of {str(path)!r} ended with {code}: {last[:300]}")


def _length_of(path: Path) -> float | None:
    """Seconds of a video; None where it is not stated or the file is none."""
    try:
        with av.open(str(path)) as container:
            return container.duration / av.time_base if container.duration else None
    except (av.FFmpegError, OSError):
        # What is wrong with it the analysis will say.
        return None
