"""Which host a scenario's Director lives on, and who issues its run's certificates."""

from pathlib import Path

from director.clock import Clock
from director.offload import in_thread, inline
from simulator.engine.host import Blueprint, Host, ServerFactory
from simulator.engine.memory_host import CrashPoint, MemoryHost
from simulator.engine.subprocess_host import SubprocessHost
from simulator.engine.target import TargetError
from simulator.engine.wire_host import ExternalHost, WireHost
from simulator.history.calls import OBSERVER
from simulator.network.api import RuleBook
from simulator.pki import Pki
from simulator.scenario.schema import Scenario


def host_of(
    scenario: Scenario,
    *,
    clock: Clock,
    pki: Pki | None,
    factory: ServerFactory,
    crash_point: CrashPoint | None,
) -> Host:
    """Return the host, which is still to be started."""
    spec, rules = scenario.director, RuleBook()
    if spec.run == "external":
        assert spec.address is not None
        return ExternalHost(spec.address, rules)
    is_virtual = scenario.clock == "virtual"
    blueprint = Blueprint(
        spec=spec,
        clock=clock,
        offload=inline if is_virtual else in_thread,
        credentials=None if pki is None else pki.server(),
        factory=factory,
    )
    if is_virtual:
        return MemoryHost(blueprint, rules, crash_point=crash_point)
    if spec.run == "subprocess":
        visitor = None if pki is None else pki.client(OBSERVER)
        return SubprocessHost(blueprint, rules, visitor=visitor)
    return WireHost(blueprint, rules)


def authority_of(scenario: Scenario) -> Pki | None:
    """Return who issues certificates: an external Director's own authority; None in plaintext.

    Raises:
        TargetError: that authority's files are of no use.
    """
    spec = scenario.director
    if scenario.identity != "mtls":
        return None
    if spec.ca_cert is None or spec.ca_key is None:
        return Pki()
    try:
        return Pki.of_authority(Path(spec.ca_cert).read_bytes(), Path(spec.ca_key).read_bytes())
    except (OSError, ValueError) as error:
        raise TargetError(
            f"no certificates can be issued from {spec.ca_cert} and {spec.ca_key}: {error}"
        ) from error
