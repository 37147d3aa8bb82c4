"""Plans to read, a line or two at a time."""

from director.core.model import Plan, Task
from tests.director.workspace.archives import reading, with_plan

TRAIN = Task(name="train", function_name="train_batches", task_type="train")
GLOBAL = Task(name="aggregated_model_validation", function_name="validate", task_type="validate")
LOCAL = Task(
    name="locally_tuned_model_validation",
    function_name="validate",
    task_type="validate",
    apply_local=True,
)
ROUNDS = "aggregator: {settings: {rounds_to_train: 3}}\n"


def plan(text: str) -> Plan:
    return reading(with_plan(text)).plan
