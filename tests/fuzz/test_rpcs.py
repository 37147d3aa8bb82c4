"""Whatever is sent to whichever RPC, the answer is a documented one, and the Director serves on."""

import pytest
from hypothesis import HealthCheck, event, given, settings, strategies as st

from tests.fuzz.rpcs import RPCS, Rpc
from tests.fuzz.town import town_in_memory

callers = st.sampled_from(["a", "b", "eve", ""])
"""In plaintext; under TLS it is always `a` who calls."""


def share(percent: int) -> settings:
    """A part of the examples that the profile asks for: each begins a Director of its own."""
    asked = settings.default
    assert asked is not None
    return settings(
        max_examples=asked.max_examples * percent // 100,
        suppress_health_check=[HealthCheck.too_slow],
    )


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("rpc", RPCS, ids=repr)
@given(data=st.data())
@share(10)
async def test_nonsense_is_answered_with_a_documented_code(
    rpc: Rpc, data: st.DataObject, *, tls: bool
) -> None:
    calls = data.draw(st.lists(rpc.nonsense(), min_size=1, max_size=8))
    who = data.draw(callers)

    async with town_in_memory(tls=tls) as town:
        for sent in calls:
            event((await town.told(rpc, sent, who=who)).name)

        await town.still_serves()


@pytest.mark.parametrize("tls", [False, True])
@given(data=st.data())
@share(25)
async def test_no_order_of_rpcs_leads_to_anything_else(data: st.DataObject, *, tls: bool) -> None:
    calls = data.draw(
        st.lists(
            st.sampled_from(RPCS).flatmap(
                lambda rpc: st.tuples(st.just(rpc), rpc.nonsense(), callers)
            ),
            max_size=12,
        )
    )

    async with town_in_memory(tls=tls) as town:
        for rpc, sent, who in calls:
            await town.told(rpc, sent, who=who)

        await town.still_serves()
