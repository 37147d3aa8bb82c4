"""Uploads that are wrong in one way each; every one of them must be refused."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import get_args

from protos import base_pb2, director_pb2 as pb
from simulator.actors.plan import PLAN_PATH
from simulator.actors.uploads import Draft, Upload
from simulator.actors.workspace import Recipe, bomb, members, zipped
from simulator.world import MisuploadMode

# An upload that falls silent is given up after so long: soon, but not before it has begun.
_SOON_S = 0.5
_OVERLONG = 1000
# So few chunks at least, that one can differ from the ones before.
_FEWEST_CHUNKS = 4

_Messages = list[pb.ExperimentInfo]
_Drafting = Callable[[Draft, Recipe, Random], list[Draft]]


def misuploads(mode: str, draft: Draft, recipe: Recipe, random: Random) -> list[Upload]:
    """Return what to upload, one after the other; the draft's content is replaced where it errs.

    Raises:
        KeyError: there is no such mode.
    """
    size_bytes = max(1, min(draft.chunk_bytes, len(draft.content) // _FEWEST_CHUNKS))
    drafts = _DRAFTS[mode](replace(draft, chunk_bytes=size_bytes), recipe, random)
    return [_upload(mode, each) for each in drafts]


def _upload(mode: str, draft: Draft) -> Upload:
    messages = draft.messages()
    half = len(messages) // 2
    if mode in _SPOILERS:
        _SPOILERS[mode](messages)
    return Upload(
        experiment=draft.experiment,
        told=draft.told(mode, len(messages)),
        messages=tuple(messages),
        silent_after=half if mode in {"cancelled", "deadline"} else None,
        hangs_up=mode == "cancelled",
        deadline_s=_SOON_S if mode == "deadline" else None,
    )


# ---------------------------------------------------------------- wrong from the start


def _as_it_is(draft: Draft, _: Recipe, __: Random) -> list[Draft]:
    return [draft]


def _content(make: Callable[[Recipe, Random], bytes]) -> _Drafting:
    return lambda draft, recipe, random: [replace(draft, content=make(recipe, random))]


def _without_plan(recipe: Recipe, _: Random) -> bytes:
    return zipped({path: part for path, part in members(recipe).items() if path != PLAN_PATH})


def _with_bad_plan(recipe: Recipe, _: Random) -> bytes:
    return zipped(members(recipe) | {PLAN_PATH: b"aggregator: {settings: ["})


def _slipping(recipe: Recipe, _: Random) -> bytes:
    return zipped(members(recipe) | {"../../evil.txt": b"out of the workspace\n"})


def _noise(recipe: Recipe, random: Random) -> bytes:
    return random.randbytes(max(recipe.size_bytes, 1))


def _badly_named(draft: Draft, _: Recipe, __: Random) -> list[Draft]:
    name = draft.experiment
    bad = (
        f"../{name}",
        f"/tmp/{name}",  # noqa: S108 - a name that must go nowhere
        f"{name}\\..",
        "..",
        "",
        f"{name}\n",
        f"\x00{name}",
        name.ljust(_OVERLONG, "x"),
    )
    return [replace(draft, experiment=each) for each in bad]


def _badly_modelled(draft: Draft, _: Recipe, __: Random) -> list[Draft]:
    model = base_pb2.ModelProto()
    model.CopyFrom(draft.model)
    for tensor in model.tensors:
        tensor.data_bytes = tensor.data_bytes[:-3]
    return [replace(draft, model=model)]


def _for(make: Callable[[tuple[str, ...]], tuple[str, ...]]) -> _Drafting:
    return lambda draft, _, __: [replace(draft, collaborators=make(draft.collaborators))]


_DRAFTS: dict[str, _Drafting] = {
    **dict.fromkeys(get_args(MisuploadMode), _as_it_is),
    "empty": _content(lambda _, __: b""),
    "not_zip": _content(_noise),
    "no_plan": _content(_without_plan),
    "bad_plan": _content(_with_bad_plan),
    "zip_slip": _content(_slipping),
    "zip_bomb": _content(lambda recipe, _: bomb(recipe)),
    "bad_name": _badly_named,
    "bad_tensor": _badly_modelled,
    "no_collaborators": _for(lambda _: ()),
    "duplicate_collaborators": _for(lambda names: (*names, names[0])),
}
"""What is wrong with it as a whole; nothing yet, where it is a message that errs."""


# ---------------------------------------------------------------- wrong on the way


def _lying(messages: _Messages) -> None:
    messages[-1].experiment_data.size += 1


def _renamed(messages: _Messages) -> None:
    messages[-1].name += "-2"


def _regrouped(messages: _Messages) -> None:
    messages[-1].collaborator_names.append("somebody-else")


def _remodelled(messages: _Messages) -> None:
    for tensor in messages[-1].model_proto.tensors:
        tensor.data_bytes = bytes(len(tensor.data_bytes))


_SPOILERS: dict[str, Callable[[_Messages], None]] = {
    "size_lie": _lying,
    "inconsistent_name": _renamed,
    "inconsistent_collaborators": _regrouped,
    "inconsistent_model": _remodelled,
}
"""What is wrong with the last message."""
