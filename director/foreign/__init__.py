"""Running code that experiments bring: in a process of its own, and only where it is allowed.

The process is a fence against accidents, not against malice: what runs there has the rights of
the Director's user.
"""

from director.foreign.code import ForeignCode
from director.foreign.errors import ForeignCodeError
from director.foreign.fence import Fence

__all__ = ["Fence", "ForeignCode", "ForeignCodeError"]
