"""Writing scenarios that a program has made up, as people would write them."""

import io
from typing import Any

from ruamel.yaml import YAML

Document = dict[str, Any]
"""A scenario file's keys and values, as they stand in it."""


def written(document: Document, comment: str = "") -> str:
    """Return a scenario as YAML, below a comment that says where it comes from."""
    yaml = YAML()
    # What holds nothing but single values stands on one line.
    yaml.default_flow_style = None
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    for line in comment.splitlines():
        # What attackers say of themselves is told, too.
        told = "".join(char if char.isprintable() else "?" for char in line)
        stream.write(f"# {told}".rstrip() + "\n")
    yaml.dump(document, stream)
    return stream.getvalue()
