"""Every bug that is planted, family by family."""

from tests.planted import (
    bugs_deliveries,
    bugs_durability,
    bugs_envoys,
    bugs_experiments,
    bugs_restarts,
    bugs_retention,
    bugs_server,
    bugs_storage,
    bugs_stragglers,
    bugs_training,
    bugs_uploads,
)
from tests.planted.planting import Planted

BUGS: tuple[Planted, ...] = (
    *bugs_envoys.BUGS,
    *bugs_uploads.BUGS,
    *bugs_deliveries.BUGS,
    *bugs_experiments.BUGS,
    *bugs_training.BUGS,
    *bugs_stragglers.BUGS,
    *bugs_server.BUGS,
    *bugs_restarts.BUGS,
    *bugs_durability.BUGS,
    *bugs_storage.BUGS,
    *bugs_retention.BUGS,
)
