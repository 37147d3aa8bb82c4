"""The classes of grpc.aio that calls and stubs derive from, with or without type parameters.

Type checkers want them; at run time, older releases of grpcio do not take them.
"""

from typing import TYPE_CHECKING, Any

import grpc.aio

if TYPE_CHECKING:
    UnaryUnaryCallBase = grpc.aio.UnaryUnaryCall[Any, Any]
    UnaryStreamCallBase = grpc.aio.UnaryStreamCall[Any, Any]
    StreamUnaryCallBase = grpc.aio.StreamUnaryCall[Any, Any]
    StreamStreamCallBase = grpc.aio.StreamStreamCall[Any, Any]
    UnaryUnaryStub = grpc.aio.UnaryUnaryMultiCallable[Any, Any]
    UnaryStreamStub = grpc.aio.UnaryStreamMultiCallable[Any, Any]
    StreamUnaryStub = grpc.aio.StreamUnaryMultiCallable[Any, Any]
    StreamStreamStub = grpc.aio.StreamStreamMultiCallable[Any, Any]
else:
    UnaryUnaryCallBase = grpc.aio.UnaryUnaryCall
    UnaryStreamCallBase = grpc.aio.UnaryStreamCall
    StreamUnaryCallBase = grpc.aio.StreamUnaryCall
    StreamStreamCallBase = grpc.aio.StreamStreamCall
    UnaryUnaryStub = grpc.aio.UnaryUnaryMultiCallable
    UnaryStreamStub = grpc.aio.UnaryStreamMultiCallable
    StreamUnaryStub = grpc.aio.StreamUnaryMultiCallable
    StreamStreamStub = grpc.aio.StreamStreamMultiCallable
