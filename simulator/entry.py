"""Where `simulate` begins: what has to be settled before gRPC is loaded."""

import os


def main() -> None:
    """Run the command line."""
    # gRPC's chatter about broken connections, which are the point here, would drown the report;
    # it reads this once, when it is loaded.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    from simulator.cli import main as simulate  # noqa: PLC0415
    from simulator.workers import is_stop, leave, stoppable  # noqa: PLC0415

    stoppable()
    try:
        simulate()
    except SystemExit as told:
        if is_stop(told):
            leave(told)
        raise
