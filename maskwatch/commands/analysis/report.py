"""What the person at the terminal sees: a table, totals, and every failure by name."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from maskwatch.contracts import Face, Verdict

MAX_ROWS: Final = 40
"""A table of thousands of rows would only push the totals out of sight; --json has them all."""

_HEADS: Final = {
    Verdict.MASK: "mask",
    Verdict.NO_MASK: "no mask",
    Verdict.INCORRECT: "wrongly",
    Verdict.UNREADABLE: "unread",
}
_WORDS: Final = {
    **_HEADS,
    Verdict.INCORRECT: "worn wrongly",
    Verdict.UNREADABLE: "unreadable",
}


@dataclass(slots=True)
class Report:
    """Collects results and failures in their order."""

    rows: list[tuple[str, str, str, Counter[Verdict]]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    faces: Counter[Verdict] = field(default_factory=Counter)
    passages: Counter[Verdict] = field(default_factory=Counter)
    pictures: int = 0
    videos: int = 0
    frames: int = 0
    busy_ms: Counter[str] = field(default_factory=Counter)

    def add_picture(self, source: str, faces: Sequence[Face], *, size: tuple[int, int]) -> None:
        """Note a picture's faces."""
        counts = Counter(face.label for face in faces)
        self.pictures += 1
        self.faces += counts
        self.rows.append((source, f"{size[0]}x{size[1]}", "faces", counts))

    def add_video(self, source: str, summary: dict[str, Any], *, frames: int, size: str) -> None:
        """Note a video's last line."""
        counts = Counter({Verdict(name): number for name, number in summary["totals"].items()})
        self.videos += 1
        self.frames += frames
        self.passages += counts
        self.rows.append((source, size, "passages", counts))

    def fail(self, message: str) -> None:
        """Note what could not be analysed, and why."""
        self.failures.append(message)

    def show(self, console: Console, *, seconds: float) -> None:
        """Print the table and the totals.

        Args:
            console: Where to.
            seconds: How long it all took.
        """
        if self.rows:
            console.print(self._table())
        console.print(self._sentence(seconds), highlight=False)

    def _table(self) -> Table:
        table = Table(box=None, header_style="bold", pad_edge=False)
        table.add_column("file", overflow="fold")
        for head in ("size", "counted"):
            table.add_column(head, no_wrap=True)
        for head in _HEADS.values():
            table.add_column(head, justify="right", no_wrap=True)
        for source, size, unit, counts in self.rows[:MAX_ROWS]:
            numbers = [str(counts[verdict]) if counts[verdict] else "·" for verdict in _HEADS]
            table.add_row(escape(source), size, unit, *numbers)
        if len(self.rows) > MAX_ROWS:
            table.add_row(f"… and {len(self.rows) - MAX_ROWS:,} more")
        return table

    def _sentence(self, seconds: float) -> str:
        parts = []
        if self.pictures:
            parts.append(f"{_several(self.pictures, 'picture')}: {_counted(self.faces, 'face')}")
        if self.videos:
            videos = f"{_several(self.videos, 'video')} ({_several(self.frames, 'frame')})"
            parts.append(f"{videos}: {_counted(self.passages, 'passage')}")
        if self.failures:
            parts.append(f"{_several(len(self.failures), 'file')} failed")
        analysed = self.pictures + self.frames
        spent = ", ".join(
            f"{stage} {ms / analysed:.1f} ms" for stage, ms in self.busy_ms.items() if analysed
        )
        parts.append(f"{seconds:.1f} s" + (f" (a picture: {spent})" if spent else ""))
        return "; ".join(parts)


def _several(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _counted(counts: Counter[Verdict], noun: str) -> str:
    total = _several(counts.total(), noun)
    each = [f"{counts[verdict]:,} {word}" for verdict, word in _WORDS.items() if counts[verdict]]
    return f"{total} ({', '.join(each)})" if each else total
