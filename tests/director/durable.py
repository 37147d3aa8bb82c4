"""What outlives a Director, and what the next one makes of it."""

from typing import Any

from director.core.model import ExperimentName, ModelKind
from tests.director.house import MRI, House, caller

Storage = dict[str, Any]


async def model(house: House, name: ExperimentName = MRI, kind: ModelKind = ModelKind.LAST) -> Any:
    found = await house.director.trained_model(caller(), name, kind)
    return found["weights"].tolist() if found else None
