"""Runs a program that dies with whoever started it: `python tether.py PARENT PROGRAM...`.

The simulator may be killed in the middle of a run, and then nobody would take its Director down.
Linux keeps the promise through the program's own start; elsewhere nobody gives it, and the program
is run all the same.  It is a script of its own, so that nothing runs between fork and exec in a
process that has gRPC's threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
"""https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html"""

_NOT_FOUND = 127


def main() -> None:
    """Become the program."""
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # It may have died before that.
        if os.getppid() != int(parent):
            os.kill(os.getpid(), signal.SIGKILL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - what the scenario names
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be run: {error.strerror}\n")
        sys.exit(_NOT_FOUND)


if __name__ == "__main__":
    main()
