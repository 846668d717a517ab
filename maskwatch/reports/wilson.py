"""How sure a share of counted passages is."""

import math

Z_95 = 1.959963984540054


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson's score interval, without continuity correction).

    It stays inside 0 to 1 and is honest at 0 % and 100 %, where the textbook interval has no width.

    Args:
        successes: 0 to `trials`.
        trials: At least 0; the interval of nothing is the whole of 0 to 1.

    Returns:
        Lower and upper end.
    """
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    weight = Z_95**2 / trials
    center = (share + weight / 2) / (1 + weight)
    half = Z_95 / (1 + weight) * math.sqrt(share * (1 - share) / trials + weight / (4 * trials))
    # At the ends rounding may miss 0 or 1 by the last digit.
    low = 0.0 if successes == 0 else max(0.0, center - half)
    high = 1.0 if successes == trials else min(1.0, center + half)
    return low, high
