"""A scenario, fitted to the Director that it meets: its shapes, and the pace of its heartbeats."""

from simulator.engine.target import Stock
from simulator.scenario.schema import Scenario


def fitted(scenario: Scenario, stock: Stock) -> Scenario:
    """Return the scenario as it has to be played against a Director that is configured already."""
    written = scenario.director.config
    config = written.model_copy(
        update={
            "sample_shape": stock.sample_shape,
            "target_shape": stock.target_shape,
            "heartbeat_period": stock.heartbeat_period_s or written.heartbeat_period,
        }
    )
    return scenario.model_copy(
        update={
            "director": scenario.director.model_copy(update={"config": config}),
            "expect": scenario.expect.paced(config.heartbeat_period / written.heartbeat_period),
        }
    )
