"""Learning rates as a function of the step."""

import math


def one_cycle(step: int, steps: int, peak: float, warmup_share: float) -> float:
    """Learning rate of a step: cosine from peak / 25 up to peak, then cosine down to peak / 250 000.

    Smith and Topin 2018, with the defaults of torch's OneCycleLR; momentum is left alone.
    """
    top = warmup_share * steps - 1
    low, end = peak / 25, peak / 25e4
    if step <= top:
        return low + (peak - low) * (1 - math.cos(math.pi * step / max(top, 1))) / 2
    done = (step - top) / max(steps - 1 - top, 1)
    return end + (peak - end) * (1 + math.cos(math.pi * done)) / 2
