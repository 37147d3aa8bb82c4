"""Uploaded archives, read without trust: is it whole, can it be run, and with which plan."""

from director.workspace.limits import ArchiveLimits
from director.workspace.pickled_code import PickledCode, read_code
from director.workspace.plan_text import aggregator_id, federation_id
from director.workspace.rewrite import rewrite_workspace
from director.workspace.workspace import Workspace, read_workspace

__all__ = [
    "ArchiveLimits",
    "PickledCode",
    "Workspace",
    "aggregator_id",
    "federation_id",
    "read_code",
    "read_workspace",
    "rewrite_workspace",
]
