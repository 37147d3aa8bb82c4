"""What collaborators are given of the models of a run: tensors, or how they have changed."""

from collections.abc import Mapping

from director.core.model import Array, EncodedTensor, Model, TensorRequest
from director.core.numeric import np
from director.core.tensors import encode
from director.errors import UnavailableError

_TAGS = frozenset({"model", "aggregated", "delta", "compressed", "lossy_compressed"})


def serve(models: Mapping[int, Model], request: TensorRequest) -> EncodedTensor:
    """Return a tensor of the model that a round starts from, or how it differs from the last.

    Raises:
        UnavailableError: there is no such tensor, or not yet, or not any more.
    """
    model = models.get(request.round, {})
    if request.name not in model or not set(request.tags) <= _TAGS:
        raise UnavailableError(
            f"no tensor {request.name!r} with tags {list(request.tags)} of round"
            f" {request.round} here"
        )
    value = model[request.name]
    if "delta" in request.tags:
        value = _difference(models, request.name, request.round)
    return encode(
        request.name,
        value,
        round_number=request.round,
        tags=sorted({*request.tags, "compressed"} - {"lossy_compressed"}),
        report=request.report,
    )


def _difference(models: Mapping[int, Model], name: str, round_number: int) -> Array:
    before = models.get(round_number - 1, {}).get(name)
    if before is None:
        raise UnavailableError(f"no tensor {name!r} of round {round_number - 1} here")
    after = models[round_number][name]
    with np.errstate(invalid="ignore", over="ignore"):
        # Constants such as masks of -inf do not change; their difference would be no number.
        return np.asarray(np.where(np.isfinite(before), after - before, np.float32(0)))
