"""What collaborators are given of the models of a run: tensors, or how they have changed.

A collaborator asks on for what it began with until it has it, however long it was away.  Whoever
slept through so many rounds that its model is gone is given the newest one, under that one's
number: what it makes of it comes too late to count, and then it is told what the running round is.
"""

from collections.abc import Mapping

from director.core.model import Array, EncodedTensor, Model, TensorRequest
from director.core.numeric import np
from director.core.tensors import encode
from director.errors import UnavailableError

_TAGS = frozenset({"model", "aggregated", "delta", "compressed", "lossy_compressed"})


def serve(models: Mapping[int, Model], request: TensorRequest) -> EncodedTensor:
    """Return a tensor of the model that a round starts from, or how it differs from the last.

    The models are those of the rounds up to the running one, of which older ones are gone.  An
    answer is of another round than was asked for only where that round's model is one of those.
    The difference of a round to one that is gone is none at all.

    Raises:
        UnavailableError: there is no such tensor, or not yet.
    """
    number = request.round
    is_gone = 0 <= number < min(models)
    model = models[max(models)] if is_gone else models.get(number, {})
    if request.name not in model or not set(request.tags) <= _TAGS:
        raise UnavailableError(
            f"no tensor {request.name!r} with tags {list(request.tags)} of round"
            f" {request.round} here"
        )
    value = model[request.name]
    if "delta" in request.tags:
        value = _difference(models, request.name, value, number)
    elif is_gone:
        number = max(models)
    return encode(
        request.name,
        value,
        round_number=number,
        tags=sorted({*request.tags, "compressed"} - {"lossy_compressed"}),
        report=request.report,
    )


def _difference(models: Mapping[int, Model], name: str, after: Array, number: int) -> Array:
    if 0 < number <= min(models):
        return np.zeros_like(after)
    before = models.get(number - 1, {}).get(name)
    if before is None:
        raise UnavailableError(f"no tensor {name!r} of round {number - 1} here")
    with np.errstate(invalid="ignore", over="ignore"):
        # Constants such as masks of -inf do not change; their difference would be no number.
        return np.asarray(np.where(np.isfinite(before), after - before, np.float32(0)))
