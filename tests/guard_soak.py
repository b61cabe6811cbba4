"""`make guard-soak`: the machine of `property/test_guard_any.py` with other examples in each round, until enough time was simulated.

A round is named by its seed; the same seed and commit run it again: `python -m tests.guard_soak --seed N --seconds 1`.
"""

import argparse
import time

from hypothesis import Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.property.test_guard_any import AnyGuard, simulated

ROUND = settings(
    max_examples=200,
    stateful_step_count=40,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # shrinking takes longer than the round; the seed gives the same failure again
)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=1e6, help="simulated")
    asked.add_argument("--seed", type=int, default=1, help="of the first round")
    options = asked.parse_args()
    number, begin_s = options.seed, time.process_time()
    while simulated["seconds"] < options.seconds:
        run_state_machine_as_test(seed(number)(AnyGuard), settings=ROUND)
        done = f"{simulated['seconds']:,.0f} s simulated, {simulated['transitions']:,} lamp changes"
        print(f"seed {number}: {done}, {time.process_time() - begin_s:.0f} CPU s, no violation", flush=True)
        number += 1


if __name__ == "__main__":
    main()
