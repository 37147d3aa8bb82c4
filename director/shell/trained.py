"""What an ended run has trained: in memory until it is stored, then as blobs."""

from collections.abc import Mapping
from functools import partial

from director.core.model import BlobId, Model, ModelKind
from director.core.tensors import model_from_bytes, model_to_bytes
from director.offload import Offload
from director.shell.blobs import Blobs


class TrainedModels:
    """The models of one experiment, by kind."""

    def __init__(
        self, models: Mapping[ModelKind, Model], *, blobs: Blobs, offload: Offload
    ) -> None:
        self._models = {kind: model for kind, model in models.items() if model}
        self._stored: dict[ModelKind, BlobId] = {}
        self._blobs = blobs
        self._offload = offload
        self._is_discarded = False

    async def store(self) -> None:
        """Move them out of memory."""
        for kind, model in tuple(self._models.items()):
            content = await self._offload(partial(model_to_bytes, model))
            blob = await self._blobs.store(content)
            if self._is_discarded:
                self._blobs.release([blob])
            else:
                self._stored[kind] = blob
                del self._models[kind]

    async def get(self, kind: ModelKind) -> Model:
        """Return a model, empty where there is none."""
        blob = self._stored.get(kind)
        if blob is None:
            return self._models.get(kind, {})
        content = await self._blobs.load(blob)
        return await self._offload(partial(model_from_bytes, content))

    def discard(self) -> None:
        """Forget them."""
        self._is_discarded = True
        self._models.clear()
        self._blobs.release(self._stored.values())
        self._stored.clear()
