"""Tensors between wire, numpy and disk: what is read, and what is refused."""

import gzip

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, strategies as st

from director.core.model import Array, EncodedTensor, Transformer
from director.core.tensors import decode, encode, model_from, model_from_bytes, model_to_bytes
from director.errors import DirectorError, InvalidUploadError

SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
ARRAYS = arrays.arrays(np.float32, SHAPES)


def tensor(name: str = "w", shape: tuple[int, ...] = (2,), size: int = 8) -> EncodedTensor:
    return EncodedTensor(
        name=name, transformers=(Transformer(int_list=shape),), content=b"\0" * size
    )


@given(ARRAYS)
def test_a_tensor_comes_back_from_the_wire_bit_for_bit(array: Array) -> None:
    encoded = encode("w", array, round_number=3, tags=["b", "a"], report=True)

    assert decode(encoded).tobytes() == array.tobytes()
    assert decode(encoded).shape == array.shape
    assert (encoded.name, encoded.round_number, encoded.tags) == ("w", 3, ("b", "a"))
    assert encoded.report
    assert encoded.lossless


def test_values_travel_as_little_endian_float32_in_c_order() -> None:
    transposed = np.arange(6, dtype=">f4").reshape(2, 3).T

    encoded = encode("w", transposed, round_number=0, tags=["model"])

    assert encoded.transformers == (Transformer(int_list=(3, 2)),)
    assert encoded.content == np.array([0, 3, 1, 4, 2, 5], dtype="<f4").tobytes()


def test_a_scalar_has_an_empty_shape() -> None:
    scalar = EncodedTensor(
        name="loss", transformers=(Transformer(),), content=np.float32(0.5).tobytes()
    )

    assert decode(scalar).shape == ()
    assert float(decode(scalar)) == 0.5


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(tensor(size=7), id="not a whole number of floats"),
        pytest.param(tensor(size=12), id="more bytes than the shape"),
        pytest.param(tensor(size=4), id="fewer bytes than the shape"),
        pytest.param(tensor(shape=(-1, -2)), id="negative lengths"),
        pytest.param(tensor(shape=(1,) * 65, size=4), id="too many dimensions"),
        pytest.param(tensor(shape=(0, 2**40, 2**40), size=0), id="lengths past any memory"),
        pytest.param(EncodedTensor(name="w", content=b"\0" * 4), id="no shape at all"),
        pytest.param(
            EncodedTensor(
                name="w", transformers=(Transformer(int_list=(1,)),) * 2, content=b"\0" * 4
            ),
            id="two steps of compression",
        ),
        pytest.param(
            EncodedTensor(
                name="w", transformers=(Transformer(int_to_float={0: 1.0}, int_list=(1,)),)
            ),
            id="a lossy step and nothing else",
        ),
    ],
)
def test_a_tensor_whose_bytes_are_not_its_shape_is_refused(damaged: EncodedTensor) -> None:
    with pytest.raises(InvalidUploadError, match="'w'"):
        decode(damaged)


@pytest.mark.parametrize(
    "tensors",
    [
        pytest.param([tensor(), tensor()], id="a name twice"),
        pytest.param([tensor("")], id="no name"),
        pytest.param([tensor("a"), EncodedTensor(name="b", round_number=1)], id="two rounds"),
        pytest.param([tensor(size=3)], id="damaged"),
        pytest.param(
            [
                EncodedTensor(
                    name="w",
                    transformers=(Transformer(int_to_float={0: 1.0}), Transformer()),
                    content=gzip.compress(bytes(4)),
                )
            ],
            id="lossy",
        ),
    ],
)
def test_a_model_that_contradicts_itself_is_refused(tensors: list[EncodedTensor]) -> None:
    with pytest.raises(InvalidUploadError):
        model_from(tensors)


def test_a_model_keeps_the_order_of_its_tensors() -> None:
    assert list(model_from([tensor("z"), tensor("a"), tensor("m")])) == ["z", "a", "m"]


@given(
    st.builds(
        EncodedTensor,
        name=st.text(max_size=2),
        round_number=st.integers(0, 1),
        transformers=st.lists(
            st.builds(Transformer, int_list=st.lists(st.integers(-(2**31), 2**31 - 1)).map(tuple)),
            max_size=2,
        ).map(tuple),
        content=st.binary(max_size=16),
    )
)
def test_whatever_is_sent_is_read_or_refused(anything: EncodedTensor) -> None:
    try:
        model_from([anything])
    except DirectorError as refusal:
        assert str(refusal)  # noqa: PT017  (that nothing else is raised is the point)


@given(st.dictionaries(st.text(max_size=5), ARRAYS, max_size=4))
def test_a_model_comes_back_from_the_disk_bit_for_bit(model: dict[str, Array]) -> None:
    stored = model_to_bytes(model)

    restored = model_from_bytes(stored)

    assert list(restored) == list(model)
    assert all(restored[name].shape == model[name].shape for name in model)
    assert all(restored[name].tobytes() == model[name].tobytes() for name in model)
    assert model_to_bytes(restored) == stored


def test_a_stored_model_of_impossible_shape_is_refused() -> None:
    stored = model_to_bytes({"w": np.ones((1, 3), np.float32)})

    with pytest.raises(ValueError, match="impossible shape"):
        model_from_bytes(stored.replace(b"[1, 3]", b"[-1,3]"))


@given(st.data())
def test_a_damaged_stored_model_is_never_half_read(data: st.DataObject) -> None:
    stored = model_to_bytes({"w": np.ones((2, 3), np.float32), "b": np.ones((), np.float32)})
    damaged = data.draw(
        st.one_of(
            st.integers(0, len(stored) - 1).map(lambda cut: stored[:cut]),
            st.binary(min_size=1, max_size=9).map(lambda tail: stored + tail),
            st.binary(max_size=40),
            st.binary(max_size=40).map(lambda rest: stored[:19] + rest),
        )
    )

    with pytest.raises(ValueError):  # noqa: PT011  (the reasons are many)
        model_from_bytes(damaged)
