"""The number of the call that is being made, handed from the recording client to the network.

A context variable, because the generated stub stands in between and passes nothing else on.
"""

from contextvars import ContextVar

current: ContextVar[int] = ContextVar("current_call", default=-1)
