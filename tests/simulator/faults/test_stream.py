"""Archives that arrive broken: one test for each way to break a stream of chunks."""

import pytest
from google.protobuf.message import Message as Protobuf

from protos.director_pb2 import ExperimentData, ExperimentInfo
from simulator.faults import FaultBase
from simulator.network.api import PASS, Direction, Duplicate, Replace, Verdict
from simulator.world import Upload
from tests.simulator.fake_world import FakeWorld
from tests.simulator.faults.faults import attack, fault

CHUNKS = (b"abcdefgh", b"ijklmnop", b"qrst")


def _up(payload: bytes) -> ExperimentInfo:
    data = ExperimentData(size=len(payload), npbytes=payload)
    return ExperimentInfo(name="e1", experiment_data=data)


def _down(payload: bytes) -> ExperimentData:
    return ExperimentData(size=len(payload), npbytes=payload)


def _corrupt(mode: str, **with_: object) -> FaultBase:
    return fault("stream.corrupt", with_={"mode": mode, **with_})


def _upload(world: FakeWorld, actor: str = "a", call: int = 1) -> list[Verdict]:
    return [
        world.pass_on(actor, "SetNewExperiment", _up(chunk), index=index, call=call)[1]
        for index, chunk in enumerate(CHUNKS)
    ]


def _download(world: FakeWorld, actor: str = "a", call: int = 1) -> list[Verdict]:
    return [
        world.pass_on(
            actor,
            "GetExperimentData",
            _down(chunk),
            direction=Direction.RESPONSE,
            index=index,
            call=call,
        )[1]
        for index, chunk in enumerate(CHUNKS)
    ]


def _arriving(verdicts: list[Verdict], sent: list[Protobuf]) -> list[tuple[int, bytes]]:
    """Return (size, bytes) of what comes out at the other end."""
    arrived: list[Protobuf] = []
    for verdict, body in zip(verdicts, sent, strict=True):
        match verdict:
            case Replace(bodies=bodies, ends_stream=ends):
                arrived += bodies
                if ends:
                    break
            case Duplicate():
                arrived += [body, body]
            case _:
                assert verdict == PASS
                arrived.append(body)
    chunks = [
        body.experiment_data if isinstance(body, ExperimentInfo) else body for body in arrived
    ]
    return [(chunk.size, chunk.npbytes) for chunk in chunks if isinstance(chunk, ExperimentData)]


WHOLE = [(8, b"abcdefgh"), (8, b"ijklmnop"), (4, b"qrst")]


@pytest.mark.parametrize(
    ("with_", "expected"),
    [
        ({"mode": "truncate", "keep": "25%"}, [(8, b"ab"), *WHOLE[1:]]),
        ({"mode": "truncate", "nth": 2}, [WHOLE[0], (8, b"ijkl"), WHOLE[2]]),
        ({"mode": "truncate_consistent", "keep": 0.5}, [(4, b"abcd"), *WHOLE[1:]]),
        ({"mode": "drop"}, WHOLE[1:]),
        ({"mode": "drop", "nth": 3}, WHOLE[:2]),
        ({"mode": "duplicate", "nth": 2}, [WHOLE[0], WHOLE[1], WHOLE[1], WHOLE[2]]),
        ({"mode": "reorder"}, [WHOLE[1], WHOLE[0], WHOLE[2]]),
        ({"mode": "size_lie"}, [(7, b"abcdefgh"), *WHOLE[1:]]),
        ({"mode": "empty"}, []),
        ({"mode": "cut"}, WHOLE[:1]),
        ({"mode": "cut", "count": 2}, WHOLE[:2]),
    ],
)
async def test_each_mode_breaks_a_stream_in_its_own_way(
    with_: dict[str, object], expected: list[tuple[int, bytes]]
) -> None:
    world = FakeWorld("a")

    async with fault("stream.corrupt", with_=with_).inject(world, ["a"]):
        up, down = _upload(world, call=1), _download(world, call=2)

    assert _arriving(up, [_up(chunk) for chunk in CHUNKS]) == expected
    assert _arriving(down, [_down(chunk) for chunk in CHUNKS]) == expected
    touches = [(note.call, note.value["mode"]) for note in world.notes]
    assert touches == [(1, with_["mode"]), (2, with_["mode"])]


async def test_so_many_bits_are_flipped_and_no_size_changes() -> None:
    world = FakeWorld("a")

    async with _corrupt("bits", count=3).inject(world, ["a"]):
        (size, payload), *rest = _arriving(_upload(world), [_up(chunk) for chunk in CHUNKS])

    pairs = zip(payload, CHUNKS[0], strict=True)
    assert sum((left ^ right).bit_count() for left, right in pairs) == 3
    assert size == 8
    assert rest == WHOLE[1:]


async def test_the_senders_own_message_is_left_alone() -> None:
    world = FakeWorld("a")
    sent = _up(b"abcdefgh")

    async with _corrupt("truncate").inject(world, ["a"]):
        world.pass_on("a", "SetNewExperiment", sent)

    assert sent == _up(b"abcdefgh")


async def test_an_empty_chunk_can_be_lied_about_too() -> None:
    world = FakeWorld("a")

    async with _corrupt("size_lie").inject(world, ["a"]):
        verdict = world.pass_on("a", "SetNewExperiment", _up(b""))[1]

    assert _arriving([verdict], [_up(b"")]) == [(1, b"")]


async def test_a_direction_leaves_the_other_alone() -> None:
    world = FakeWorld("a")

    async with _corrupt("drop", direction="download").inject(world, ["a"]):
        up, down = _upload(world, call=1), _download(world, call=2)

    assert up == [PASS] * 3
    assert down == [Replace(()), PASS, PASS]


async def test_streams_of_other_things_are_left_alone() -> None:
    world = FakeWorld("a")

    async with _corrupt("drop").inject(world, ["a"]):
        verdicts = [world.pass_on("a"), world.pass_on("b", "SetNewExperiment", _up(b"x"))]

    assert verdicts == [(0.0, PASS)] * 2


async def test_streams_side_by_side_do_not_mix() -> None:
    world = FakeWorld("a")
    send = world.pass_on

    async with _corrupt("reorder").inject(world, ["a"]):
        first = send("a", "SetNewExperiment", _up(b"1"), index=0, call=1)[1]
        second = send("a", "SetNewExperiment", _up(b"2"), index=0, call=2)[1]
        after = send("a", "SetNewExperiment", _up(b"3"), index=1, call=1)[1]

    assert first == second == Replace(())
    assert after == Replace((_up(b"3"), _up(b"1")))


async def test_probability_is_drawn_for_each_stream() -> None:
    world = FakeWorld("a")
    drop = fault("stream.corrupt", with_={"mode": "drop", "nth": 2}, probability=0.5)

    async with drop.inject(world, ["a"]):
        streams = [_upload(world, call=call) for call in range(200)]

    whole = streams.count([PASS, PASS, PASS])
    assert 70 < whole < 130
    assert streams.count([PASS, Replace(()), PASS]) == 200 - whole


async def test_an_attacker_comes_in_with_an_upload_that_is_certainly_spoiled() -> None:
    world = FakeWorld("a")
    seen: list[list[Verdict]] = []
    world.during_attack = lambda actor, _: seen.extend([_upload(world, actor), _upload(world, "a")])
    spoil = attack("stream.corrupt", with_={"mode": "drop"}, probability=0.1)

    async with spoil.inject(world, ["mallory"]):
        pass

    assert spoil.lasts() == 0
    assert world.attacks == [(0.0, "mallory", Upload(experiment="mallory-1"))]
    assert seen == [[Replace(()), PASS, PASS], [PASS, PASS, PASS]]


@pytest.mark.parametrize("with_", [{"mode": "drop", "nth": 30}, {"mode": "cut", "count": 30}])
async def test_an_attackers_upload_is_long_enough_to_be_hit(with_: dict[str, object]) -> None:
    world = FakeWorld()

    async with attack("stream.corrupt", with_=with_).inject(world, ["mallory"]):
        pass

    ((_, _, upload),) = world.attacks
    assert isinstance(upload, Upload)
    assert upload.size_bytes // upload.chunk_bytes == 32
