"""What few samples can carry: Jeffreys posteriors for probabilities, Wilson intervals for printed error bars."""

import bisect
import functools
import math

CREDIBILITY = 0.95
_Z_95 = 1.959963984540054
_TINY = 1e-300
_CONVERGED = 1e-15


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b), P(X <= x) for X ~ Beta(a, b).

    By its continued fraction (Abramowitz and Stegun 26.5.8), evaluated with Lentz's method on the side of the
    mean where it converges in about sqrt(max(a, b)) steps; the other side follows by symmetry.

    >>> beta_cdf(0.25, 1, 1), round(beta_cdf(0.5, 2, 3), 12)
    (0.25, 0.6875)
    """
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta_cdf(1 - x, b, a)
    log_front = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(log_front) / a / _continued_fraction(x, a, b)


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Return 1 + d1/(1 + d2/(1 + ...)), the denominator of I_x(a, b); needs x under about the mean."""
    value = numerator = 1.0
    denominator = 0.0
    step = 0
    while True:
        step += 1
        half = step // 2
        if step % 2:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        denominator = 1.0 / _not_zero(1.0 + term * denominator)
        numerator = _not_zero(1.0 + term / numerator)
        change = numerator * denominator
        value *= change
        if abs(change - 1.0) < _CONVERGED:
            return value


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def exceeds(bad: int, valid: int, ratio: float) -> float:
    """Return P(true error ratio > ratio | data) under the Jeffreys posterior Beta(bad + 1/2, valid - bad + 1/2).

    Of 60 probes one failed: is the error ratio above 14.4 x 0.1 %? Three failures make it certain enough.

    >>> [round(exceeds(bad, 60, 0.0144), 3) for bad in (1, 2, 3)]
    [0.63, 0.887, 0.974]
    """
    return beta_cdf(1 - ratio, valid - bad + 0.5, bad + 0.5)


def least_failures(valid: int, ratio: float, credibility: float = CREDIBILITY) -> int | None:
    """Return k*, the least failures among `valid` events at which P(error ratio > ratio | data) >= credibility.

    None where even `valid` failures do not suffice. The posterior grows with each failure, so k* is bisected.

    >>> least_failures(60, 14.4 * 0.001), least_failures(17280, 1 * 0.001), least_failures(1, 0.9)
    (3, 25, None)
    """
    least = bisect.bisect_left(range(valid + 1), credibility, key=lambda bad: exceeds(bad, valid, ratio))
    return least if least <= valid else None


@functools.lru_cache(maxsize=1024)  # of SLOs by the hundred most have the same counts
def met_probability(bad: int, valid: int, objective: float) -> float | None:
    """Return P(objective met | data), None where nothing was valid.

    To say "99.9 % is met" at 95 % takes about 1,920 clean probes under Jeffreys' prior:

    >>> round(met_probability(0, 1920, 0.999), 3), met_probability(0, 0, 0.999)
    (0.95, None)
    """
    return beta_cdf(1 - objective, bad + 0.5, valid - bad + 0.5) if valid else None


def likelihood(probability: float | None) -> str:
    """Return the reports' word for P(objective met).

    >>> likelihood(0.9), likelihood(0.5), likelihood(0.1), likelihood(None)
    ('likely met', 'inconclusive', 'likely breached', 'inconclusive')
    """
    if probability is None or 0.1 < probability < 0.9:
        return "inconclusive"
    return "likely met" if probability >= 0.9 else "likely breached"


def wilson(good: int, valid: int, z: float = _Z_95) -> tuple[float, float] | None:
    """Return Wilson's score interval of a share, 95 % unless z says otherwise; None where nothing was valid.

    >>> low, high = wilson(59, 60)
    >>> round(low, 4), round(high, 4)
    (0.9114, 0.9971)
    """
    if not valid:
        return None
    share, scale = good / valid, 1 + z * z / valid
    middle = (share + z * z / (2 * valid)) / scale
    reach = z / scale * math.sqrt(share * (1 - share) / valid + z * z / (4 * valid * valid))
    return max(0.0, middle - reach), min(1.0, middle + reach)
