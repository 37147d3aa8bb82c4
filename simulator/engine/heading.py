"""The header of a run's history: what must be known of a scenario to judge its record."""

from typing import Any

from simulator.history.entry import Header
from simulator.scenario.params import Values
from simulator.scenario.schema import DirectorSpec, Scenario

_WIRE_TRANSIT_S = 0.25
"""What a message may take on loopback while this very process is busy simulating."""


def heading(scenario: Scenario, values: Values, *, seed: int, epoch: float) -> Header:
    """Return the header; `values` are those of the matrix, `epoch` when the run began."""
    config = scenario.director.config
    allowance_s = 0.0 if scenario.clock == "virtual" else _WIRE_TRANSIT_S
    return Header(
        scenario=scenario.name,
        seed=seed,
        case=dict(values),
        world=scenario.clock,
        identity=scenario.identity,
        epoch=epoch,
        heartbeat_period_s=config.heartbeat_period,
        transit_s=scenario.network.transit_s() + allowance_s,
        sample_shape=config.sample_shape,
        target_shape=config.target_shape,
        may_queue=_may_queue(scenario),
        **_policies(scenario.director),
    )


def _may_queue(scenario: Scenario) -> bool:
    """Whether experiments may wait for a review or their turn; with others' Directors, perhaps."""
    spec = scenario.director
    if spec.run == "external" or spec.command or spec.review is not None:
        return True
    return len(scenario.experiments()) > spec.limits.max_running_experiments


def _policies(spec: DirectorSpec) -> dict[str, Any]:
    """Return what is known of how rounds wait, and of what is kept.

    Of others' Directors: that they wait for everybody, and keep everything.
    """
    if spec.run == "external" or spec.command:
        return {}
    return {
        "quorum": str(spec.config.quorum),
        "dead_after_s": spec.config.dead_after,
        "waits_for_slow": spec.config.straggler_cutoff is None,
        "max_age_s": spec.config.retention.max_age or 0.0,
        "max_stored_bytes": spec.config.retention.max_size or 0,
    }
