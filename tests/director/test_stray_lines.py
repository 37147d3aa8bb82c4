"""Lines that gRPC's core, or anybody else, writes to standard error past the Director's logging."""

import json
import subprocess
import sys

STRAYING = """
import logging, os, sys
from director.log_lines import log_to_standard_error
from director.stray_lines import logged

with logged() as stream:
    log_to_standard_error("json", level="info", stream=stream)
    logging.getLogger("mine").info("a record")
    os.write(2, b"E0000 00:00:1795521600.5    4242 ssl_transport.cc:77] Handshake failed: \\xff\\n")
    os.write(2, b"I1124 13:09:23.333501    9485 log.cc:110] all is well\\n\\n")
    print("said by Python", file=sys.stderr)
print("afterwards", file=sys.stderr)
"""


def test_every_line_of_a_log_for_machines_is_an_object() -> None:
    ended = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-c", STRAYING], capture_output=True, text=True, check=True
    )

    *lines, last = ended.stderr.splitlines()
    records = [json.loads(line) for line in lines]
    # Records of two threads: only those of each are in order.
    assert sorted((one["logger"], one["level"], one["message"]) for one in records) == [
        ("grpc.core", "error", "ssl_transport.cc:77] Handshake failed: \ufffd"),
        ("grpc.core", "info", "log.cc:110] all is well"),
        ("mine", "info", "a record"),
        ("stderr", "warning", "said by Python"),
    ]
    assert last == "afterwards"
