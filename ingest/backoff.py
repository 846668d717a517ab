"""How long to wait before the next try: longer each time, and never all cameras at once."""

import random


class Backoff:
    """Exponential waits with full jitter, for ever.

    The n-th wait is drawn evenly between the shortest and `first_s * 2**n`, capped at `longest_s`:
    cameras that were lost together do not come back in step, and a dead one is asked about
    twice a minute.
    """

    def __init__(self, first_s: float, longest_s: float, *, seed: int | None = None) -> None:
        self._first_s = first_s
        self._longest_s = max(first_s, longest_s)
        self._random = random.Random(seed)  # noqa: S311 (jitter, not a secret)
        self._ceiling_s = 0.0
        self.reset()

    def next_s(self) -> float:
        """Return how long to wait now, and make the next wait longer."""
        ceiling_s = self._ceiling_s
        self._ceiling_s = min(ceiling_s * 2, self._longest_s)
        return self._random.uniform(self._first_s, ceiling_s)

    def reset(self) -> None:
        """Begin again with the shortest wait: a good picture is here."""
        self._ceiling_s = min(self._first_s * 2, self._longest_s)
