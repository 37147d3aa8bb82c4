"""Tensors between numpy, the wire and the history."""

import base64

import numpy as np
import pytest

from protos import base_pb2
from simulator.actors.tensors import TensorError, decoded, encoded, model_proto, shown, shown_all

VALUES = np.array([[1.5, -2.0, 0.25]], dtype=np.float32)


def test_a_tensor_comes_back_as_it_was_sent() -> None:
    tensor = encoded("weights", VALUES, tags=["trained", "compressed"], round_number=2)

    assert tensor.round_number == 2
    assert list(tensor.tags) == ["compressed", "trained"]
    assert list(tensor.transformer_metadata[0].int_list) == [1, 3]
    assert np.array_equal(decoded(tensor), VALUES)


def test_a_scalar_has_metadata_and_no_shape() -> None:
    tensor = encoded("loss", np.array(0.5, dtype=np.float32), report=True)

    assert tensor.report
    assert list(tensor.transformer_metadata) == [base_pb2.MetadataProto()]
    assert tensor.data_bytes == np.float32(0.5).tobytes()


def test_a_model_travels_as_openfl_sends_one() -> None:
    (tensor,) = model_proto({"weights": VALUES}).tensors

    assert (tensor.name, tensor.round_number, tensor.lossless) == ("weights", 0, True)
    assert list(tensor.tags) == ["model"]


@pytest.mark.parametrize("length", [4, 11, 16])
def test_bytes_that_do_not_fit_the_shape_are_no_tensor(length: int) -> None:
    tensor = encoded("weights", VALUES)
    tensor.data_bytes = bytes(length)

    with pytest.raises(TensorError, match="weights"):
        decoded(tensor)


def test_a_small_tensor_is_shown_in_full() -> None:
    value = shown(encoded("weights", VALUES))

    assert value["shape"] == [1, 3]
    assert base64.b64decode(str(value["b64"])) == VALUES.tobytes()


def test_a_large_tensor_is_shown_by_its_digest() -> None:
    value = shown(encoded("weights", np.zeros(1025, dtype=np.float32)))

    assert set(value) == {"shape", "sha256"}


def test_a_damaged_tensor_is_shown_all_the_same() -> None:
    tensor = base_pb2.NamedTensor(name="odd", data_bytes=b"abc")

    assert shown_all([tensor])["odd"] == {
        "shape": [],
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "b64": "YWJj",
    }
