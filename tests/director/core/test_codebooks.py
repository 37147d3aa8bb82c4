"""Lossy tensors: what OpenFL 1.6's own pipelines have sent, and what only claims to be that."""

import base64
import gzip

import numpy as np
import pytest
from hypothesis import given, strategies as st

from director.core.model import Array, EncodedTensor, Transformer
from director.core.tensors import decode
from director.errors import DirectorError, InvalidUploadError

# What the pipelines' `forward` gave for a small matrix, one value, and zeros; and then `backward`.
OBSERVED = [
    pytest.param(
        (
            Transformer(
                int_to_float={
                    0: -2.325000047683716,
                    1: -1.2554999589920044,
                    2: -0.6209999918937683,
                    3: 0.04716669023036957,
                    4: 0.7935000658035278,
                    5: 1.3040000200271606,
                },
                int_list=(3, 5),
            ),
            Transformer(),
        ),
        "H4sIAB8VBWsC/2NgcHBgAOMGKM0ApRdAxUD8BnuEOAiA1dsDAFC7qp08AAAA",
        (3, 5),
        [
            0.04716669023036957,
            0.04716669023036957,
            0.7935000658035278,
            0.04716669023036957,
            -0.6209999918937683,
            0.04716669023036957,
            1.3040000200271606,
            0.7935000658035278,
            -0.6209999918937683,
            -1.2554999589920044,
            -0.6209999918937683,
            0.04716669023036957,
            -2.325000047683716,
            0.04716669023036957,
            -1.2554999589920044,
        ],
        id="KCPipeline matrix",
    ),
    pytest.param(
        (Transformer(int_to_float={0: 0.12600000202655792}, int_list=(1,)), Transformer()),
        "H4sIAB8VBWsC/2NgYGAAABzfRCEEAAAA",
        (1,),
        [0.12600000202655792],
        id="KCPipeline one value",
    ),
    pytest.param(
        (Transformer(int_to_float={0: 0.0}, int_list=(2, 2)), Transformer()),
        "H4sIAB8VBWsC/2NgQAUAVUu77BAAAAA=",
        (2, 2),
        [0.0, 0.0, 0.0, 0.0],
        id="KCPipeline zeros",
    ),
    pytest.param(
        (
            Transformer(int_list=(3, 5)),
            Transformer(int_to_float={0: -2.325000047683716, 1: 0.0, 2: 1.3040001392364502}),
            Transformer(),
        ),
        "H4sIAB8VBWsC/2NgaLBnwIoZHHCIM8DYAPYMjMI8AAAA",
        (3, 5),
        [
            0.0,
            0.0,
            0.0,
            0.0,
            0.0,
            0.0,
            1.3040001392364502,
            0.0,
            0.0,
            0.0,
            0.0,
            0.0,
            -2.325000047683716,
            0.0,
            0.0,
        ],
        id="SKCPipeline matrix",
    ),
    pytest.param(
        (
            Transformer(int_list=(1,)),
            Transformer(int_to_float={0: 0.12600000202655792}),
            Transformer(),
        ),
        "H4sIAB8VBWsC/2NgYGAAABzfRCEEAAAA",
        (1,),
        [0.12600000202655792],
        id="SKCPipeline one value",
    ),
    pytest.param(
        (
            Transformer(int_list=(2, 2)),
            Transformer(int_to_float={0: 0.0, 1: 1.0000000116860974e-07}),
            Transformer(),
        ),
        "H4sIAB8VBWsC/2NgQAYN9gAj/l5hEAAAAA==",
        (2, 2),
        [0.0, 0.0, 0.0, 1.0000000116860974e-07],
        id="SKCPipeline zeros",
    ),
    pytest.param(
        (
            Transformer(int_list=(3, 5)),
            Transformer(int_to_float={0: -0.24193334579467773, 1: 0.0, 2: 0.24193334579467773}),
            Transformer(),
        ),
        "H4sIAB8VBWsC/2NgaLBnwIoZHHCIM8DYAPYMjMI8AAAA",
        (3, 5),
        [
            0.0,
            0.0,
            0.0,
            0.0,
            0.0,
            0.0,
            0.24193334579467773,
            0.0,
            0.0,
            0.0,
            0.0,
            0.0,
            -0.24193334579467773,
            0.0,
            0.0,
        ],
        id="STCPipeline matrix",
    ),
    pytest.param(
        (
            Transformer(int_list=(1,)),
            Transformer(int_to_float={0: 0.12600000202655792}),
            Transformer(),
        ),
        "H4sIAB8VBWsC/2NgYGAAABzfRCEEAAAA",
        (1,),
        [0.12600000202655792],
        id="STCPipeline one value",
    ),
    pytest.param(
        (
            Transformer(int_list=(2, 2)),
            Transformer(int_to_float={0: 0.0, 1: 2.5000000292152436e-08}),
            Transformer(),
        ),
        "H4sIAB8VBWsC/2NgQAYN9gAj/l5hEAAAAA==",
        (2, 2),
        [0.0, 0.0, 0.0, 2.5000000292152436e-08],
        id="STCPipeline zeros",
    ),
]
KC = (Transformer(int_to_float={0: -1.0, 1: 0.5}, int_list=(3,)), Transformer())
INDEXES = np.array([1, 0, 1], "<f4").tobytes()


def lossy(
    content: bytes, transformers: tuple[Transformer, ...] = KC, *, is_packed: bool = False
) -> EncodedTensor:
    packed = content if is_packed else gzip.compress(content, mtime=0)
    return EncodedTensor(name="w", transformers=transformers, content=packed)


@pytest.mark.parametrize(("transformers", "content", "shape", "values"), OBSERVED)
def test_what_openfl_sends_is_undone_as_openfl_undoes_it(
    transformers: tuple[Transformer, ...],
    content: str,
    shape: tuple[int, ...],
    values: list[float],
) -> None:
    decoded = decode(lossy(base64.b64decode(content), transformers, is_packed=True))

    assert decoded.shape == shape
    assert decoded.dtype == np.float32
    assert decoded.ravel().tolist() == values


def test_indexes_are_looked_up() -> None:
    assert decode(lossy(INDEXES)).tolist() == [0.5, -1.0, 0.5]


@pytest.mark.parametrize(
    "tensor",
    [
        pytest.param(lossy(INDEXES, is_packed=True), id="not gzip"),
        pytest.param(lossy(gzip.compress(INDEXES)[:-1], is_packed=True), id="cut"),
        pytest.param(lossy(gzip.compress(INDEXES) + b"x", is_packed=True), id="bytes after"),
        pytest.param(lossy(INDEXES[:8]), id="too few"),
        pytest.param(lossy(INDEXES + bytes(4)), id="too many"),
        pytest.param(lossy(bytes(20 * 2**20)), id="a bomb"),
        pytest.param(lossy(np.array([1, 0, 2], "<f4").tobytes()), id="unknown index"),
        pytest.param(lossy(np.array([1, 0, 0.5], "<f4").tobytes()), id="half an index"),
        pytest.param(lossy(np.array([1, 0, np.nan], "<f4").tobytes()), id="no number"),
        pytest.param(lossy(INDEXES, (*KC, KC[0])), id="two codebooks"),
        pytest.param(lossy(INDEXES, (Transformer(int_list=(3,)), Transformer())), id="no codebook"),
        pytest.param(
            lossy(INDEXES, (Transformer(int_to_float={0: 1.0}, int_list=(2**30,)), Transformer())),
            id="too large",
        ),
        pytest.param(
            lossy(b"", (Transformer(int_to_float={0: 1.0}, int_list=(0, -1)), Transformer())),
            id="negative length",
        ),
        pytest.param(
            lossy(b"", (Transformer(int_to_float={0: 1.0}, int_list=(0,) * 99), Transformer())),
            id="too many dimensions",
        ),
        pytest.param(
            lossy(
                b"",
                (
                    Transformer(int_to_float={0: 1.0}, int_list=(0, *(2**31 - 1,) * 3)),
                    Transformer(),
                ),
            ),
            id="lengths past any memory",
        ),
    ],
)
def test_what_cannot_be_undone_is_refused(tensor: EncodedTensor) -> None:
    with pytest.raises(InvalidUploadError, match="'w'"):
        decode(tensor)


@given(
    st.dictionaries(st.integers(-(2**31), 2**31 - 1), st.floats(width=32), max_size=3),
    st.lists(st.integers(-1, 4), max_size=2).map(tuple),
    st.one_of(st.binary(max_size=16), st.lists(st.floats(width=32), max_size=4)),
)
def test_whatever_is_sent_is_undone_or_refused(
    codebook: dict[int, float], shape: tuple[int, ...], content: bytes | list[float]
) -> None:
    raw = content if isinstance(content, bytes) else np.array(content, "<f4").tobytes()
    steps = (Transformer(int_list=shape), Transformer(int_to_float=codebook), Transformer())

    try:
        decoded: Array = decode(lossy(raw, steps))
    except DirectorError as refusal:
        assert str(refusal)  # noqa: PT017  (that nothing else is raised is the point)
        return

    assert decoded.shape == shape
