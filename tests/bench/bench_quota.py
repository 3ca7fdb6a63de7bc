"""How close the quota governor comes to what is possible: ``python -m tests.bench.bench_quota``.

Prints, for three shapes of requests, the requests per second of the governor and of fixed numbers in flight, the
refusals each provoked, and the share of an oracle's rate. Everything is simulated time; it takes a few seconds.
"""

import sys

from tests.canvas.simulation import SHAPES, Policy, Simulation

_SECONDS = 300.0
_SEEDS = (1, 2, 3)


def _measure(shape: str, policy: str, cap: int) -> tuple[float, int]:
    """Return the mean requests per second and the refusals of all seeds together."""
    rates, refused = [], 0
    for seed in _SEEDS:
        simulation = Simulation(SHAPES[shape], seed=seed)
        chosen: Policy
        if policy == "oracle":
            chosen = simulation.oracle(cap=cap)
        elif policy == "governor":
            chosen = simulation.governor(cap=cap)
        else:
            chosen = simulation.fixed(cap)
        outcome = simulation.run(chosen, seconds=_SECONDS)
        rates.append(outcome.per_second)
        refused += outcome.refused
    return sum(rates) / len(rates), refused


def main() -> None:
    """Print the table."""
    rows = [("governor", 10), ("governor", 40), ("fixed", 4), ("fixed", 10), ("fixed", 20)]
    out = sys.stdout
    out.write(f"{'shape':<9}{'policy':<13}{'req/s':>8}{'oracle':>8}{'share':>7}{'refusals':>10}\n")
    for shape in SHAPES:
        for policy, cap in rows:
            rate, refused = _measure(shape, policy, cap)
            # The oracle may have as many under way as the policy it is held against.
            best, _ = _measure(shape, "oracle", cap)
            name = f"{policy} {cap}"
            out.write(f"{shape:<9}{name:<13}{rate:>8.1f}{best:>8.1f}{rate / best:>7.0%}{refused:>10}\n")


if __name__ == "__main__":
    main()
