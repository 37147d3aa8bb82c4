"""How much faster than life a federation is simulated, history and checkers included.

Prints, for each fleet, the simulated seconds, the CPU seconds of this one process, and their ratio.
"""

import argparse
import time
from pathlib import Path

from simulator.engine.run import run_case
from simulator.scenario.load import load_text

SCENARIO = """
version: 1
name: simulated_hour
seed: 1
timeout: 3h
recover: 5m
params: {envoys: 100, calm: 55m}
director:
  config: {heartbeat_period: 60s, sample_shape: ["8"], target_shape: ["1"]}
envoys:
  - group: hospital
    count: ${envoys}
    join: {spread: 60s}
    training: {takes: 60s, rounds: 3}
frontends:
  - id: alice
    start: 2m
    do:
      - submit: {experiment: e1, archive: 64 KiB, to: "@hospital"}
      - follow_metrics: {experiment: e1}
      - fetch_model: {experiment: e1, which: last}
network: {latency: {normal: {mean: 20ms, sd: 5ms}}}
phases: [{name: calm, for: "${calm}"}]
"""


def main() -> None:
    """Simulate an hour of a hundred envoys, or what the options say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--envoys", type=int, nargs="*", default=[10, 100])
    parser.add_argument("--calm", default="55m")
    options = parser.parse_args()
    print(f"{'envoys':>8} {'RPCs':>8} {'simulated':>10} {'CPU':>8} {'faster than life':>17}")
    for envoys in options.envoys:
        overrides = {"envoys": str(envoys), "calm": options.calm}
        (case,) = load_text(SCENARIO, Path("simulated_hour.yaml"), overrides)
        began_s = time.process_time()
        played = run_case(case, seed=1)
        took_s = time.process_time() - began_s
        simulated_s = played.history.ended_at
        print(
            f"{envoys:>8} {len(played.history.all_calls):>8} {simulated_s:>8.0f} s {took_s:>6.2f} s"
            f" {simulated_s / took_s:>16,.0f}x  {played.verdict.validity}"
        )


if __name__ == "__main__":
    main()
