"""Plans from a grammar that knows every corner of YAML, and pickles that were bent."""

import io
import pickle
import re
import zipfile
from datetime import timedelta
from typing import Any

import yaml
from hypothesis import HealthCheck, event, given, settings, strategies as st

from director.errors import DirectorError
from director.workspace.inert_pickle import describe
from director.workspace.limits import ArchiveLimits
from director.workspace.plan_text import federation_id, read_config, readdressed
from tests.director.workspace.archives import PLAN, fixture, reading, with_plan
from tests.fuzz.messages import bent

prompt = settings(deadline=timedelta(seconds=10), suppress_health_check=[HealthCheck.too_slow])
"""Bombs cost time before they cost anything else; the machine may be busy."""

# ---------------------------------------------------------------- a grammar of YAML

scalars = st.sampled_from(
    [
        *("~", "yes", "NO", "on", "0o17", "017", "0x1F", "1_000", "190:20:30", "-1.5e3", ".inf"),
        *(".nan", "-.INF", "2001-12-14", "2001-12-14t21:59:43.10-05:00", "99999-99-99", "=", "''"),
        *('"\\x00\\u263a"', '"\\ud800"', "'it''s'", "|\n  text", "!!binary 'AA=='", "!!binary x"),
        *("!!int abc", "!!float x", "!!bool maybe", "!!null x", "!!str 1", "!!timestamp x"),
        *("!!python/name:os.system ''", "!!python/object/apply:os.system ['true']", "!mine x"),
        *("!!set {a}", "!!omap [a: 1]", "!!pairs [a: 1, a: 2]", "? a", "- a", "%TAG", "@x", "`x"),
        *("1" * 400, "1:" * 300 + "1", "&a 1", "*a", "*b", "&b {x: 1}", "<<", "{", "]", "#", "\t"),
        *("auto", "3", "train", "openfl.component.RandomGroupedAssigner", "1e999", "0b2"),
    ]
) | st.text("abc: -#&*!|>'\"%@`{}[],?\n\t\x85\u2028é", max_size=6)

keys = st.sampled_from(
    [
        *("aggregator", "network", "tasks", "settings", "rounds_to_train", "agg_addr", "agg_port"),
        *("template", "assigner", "task_groups", "percentage", "function", "kwargs", "apply"),
        *("straggler_handling_policy", "compression_pipeline", "defaults", "collaborator", "tls"),
        *("<<", "? [a]", "{a: b}", "[a]", "1", "~", "yes", "2001-12-14", "&k k", "*a", "!!str k"),
    ]
) | st.text("ab", min_size=1, max_size=2)


def _mapping(items: list[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in items) + "}"


def _anchored(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    lists = st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
    mappings = st.lists(st.tuples(keys, inner), max_size=3).map(_mapping)
    bare = lists | mappings
    return bare | st.tuples(st.sampled_from(["&a ", "&b ", "!!set ", "!!omap "]), bare).map("".join)


values = st.recursive(scalars, _anchored, max_leaves=8)
mild = st.sampled_from(["yes", "017", ".inf", "2001-12-14", "!!binary 'AA=='", "''", "1:30", "[1]"])
mappings = st.lists(st.tuples(st.text("xyz", min_size=1), mild | values), max_size=2).map(_mapping)
sections = st.lists(
    st.tuples(st.text("xyz", min_size=1) | keys, mappings | mappings | values).map(": ".join),
    max_size=2,
).map("\n".join)


_STRAGGLERS = "openfl.component.straggler_handling_functions"
RICH = f"""{PLAN}\
assigner:
  template: openfl.component.RandomGroupedAssigner
  settings:
    task_groups:
    - {{name: all, percentage: 1.0, tasks: [train, aggregated_model_validation]}}
straggler_handling_policy:
  template: {_STRAGGLERS}.CutoffTimeBasedStragglerHandling
  settings: {{straggler_cutoff_time: 60, minimum_reporting: 2}}
compression_pipeline: {{template: openfl.pipelines.KCPipeline, settings: {{n_clusters: 6}}}}
collaborator: {{settings: {{delta_updates: true}}}}
"""


@st.composite
def plans(draw: Any) -> str:
    """A good plan with sections more, and some of its values others."""
    text = draw(st.sampled_from([PLAN, RICH]))
    # What stands after a colon is a value, and so is each whole pair of braces.
    spots = list(re.finditer(r"(?<=: )[^\s,{}\[\]]+|\{[^{}]*\}|\[[^\[\]]*\]", text))
    for spot in reversed(spots):
        if draw(st.integers(0, 29)) == 29:
            text = f"{text[: spot.start()]}{draw(values)}{text[spot.end() :]}"
    extra = draw(sections)
    return f"{text}{extra}\n" if draw(st.booleans()) else f"{extra}\n{text}"


@given(plans() | sections | bent(plans().map(str.encode)).map(lambda text: text.decode("latin-1")))
@settings(prompt)
def test_whatever_a_plan_says_it_is_read_or_refused(text: str) -> None:
    try:
        workspace = reading(with_plan(text))
    except DirectorError as refusal:
        event(type(refusal).__name__)
        return

    event("read")
    assert workspace.plan.rounds > 0
    assert workspace.plan.tasks
    # What was accepted can be sent on under another address, as often as one likes.
    once = readdressed(workspace.plan_text, agg_addr="director", agg_port=1, hash_salt="salt")
    before, after = (yaml.safe_load(plan) for plan in (workspace.plan_text, once))
    assert after["network"]["settings"]["agg_addr"] == "director"
    assert set(after) == {*before, "network"}
    assert federation_id(once) == federation_id(yaml.safe_dump(after, sort_keys=False))


# ---------------------------------------------------------------- bombs


@st.composite
def bombs(draw: Any) -> tuple[str, int]:
    """Aliases of aliases, and how many values they stand for."""
    width, depth = draw(st.integers(1, 9)), draw(st.integers(1, 12))
    shape = draw(st.sampled_from(["[{}]", "{{x: [{}]}}", "{{<<: [{}]}}"]))
    lines, count = ["a0: &a0 {x: 1}"], 3
    for level in range(depth):
        aliases = ", ".join([f"*a{level}"] * width)
        lines.append(f"a{level + 1}: &a{level + 1} {shape.format(aliases)}")
        count *= width
    return "\n".join(lines), count


@given(bombs())
@settings(prompt)
def test_a_bomb_is_refused_before_it_goes_off(bomb: tuple[str, int]) -> None:
    text, count = bomb
    limits = ArchiveLimits()

    try:
        read_config(text, limits)
    except DirectorError as refusal:
        event(type(refusal).__name__)
        return

    event("read")
    assert count <= limits.max_yaml_nodes


@given(st.integers(1, 100_000), st.sampled_from(["[", "{a: ", "- ", "? ", "&a [", "!!set {"]))
@settings(prompt, max_examples=30)
def test_no_depth_is_too_deep_to_be_refused(depth: int, opening: str) -> None:
    try:
        read_config(f"a: {opening * depth}"[:200_000], ArchiveLimits())
    except DirectorError:
        return
    raise AssertionError("it was read")


# ---------------------------------------------------------------- pickles


def _pickles() -> list[bytes]:
    found = []
    for name in ("openfl_workspace", "openfl_median", "openfl_own_assigner"):
        with zipfile.ZipFile(io.BytesIO(fixture(name))) as archive:
            found += [archive.read(path) for path in archive.namelist() if path.endswith(".pkl")]
    return sorted((pickled for pickled in found if len(pickled) < 20_000), key=len)


class Singer:
    """Sings when it is unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return _sing, ("la",)


_songs: list[str] = []


def _sing(song: str) -> None:
    _songs.append(song)


@given(
    bent(
        st.sampled_from(_pickles())
        | st.integers(0, pickle.HIGHEST_PROTOCOL).map(
            lambda protocol: pickle.dumps([Singer(), {"a": (1, 2.5, b"x", None)}], protocol)
        )
    )
)
def test_a_bent_pickle_is_described_or_refused_and_never_obeyed(pickled: bytes) -> None:
    try:
        describe(pickled, max_steps=100_000)
    except DirectorError as refusal:
        event("refused")
        assert "pickle" in str(refusal)  # noqa: PT017  (that nothing else is raised is the point)

    assert not _songs
