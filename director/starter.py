"""The folder that a new Director is started from: its configuration, and room for certificates."""

from importlib import resources
from pathlib import Path

_TEMPLATES = {"director.yaml": "director.yaml", "cert/README.md": "certificates.md"}


def create_workspace(folder: Path) -> tuple[Path, ...]:
    """Write the files of a new workspace, and return them.

    Raises:
        FileExistsError: one of them is there already; nothing was written.
    """
    templates = resources.files("director") / "templates"
    files = {folder / path: templates / template for path, template in _TEMPLATES.items()}
    for path in files:
        if path.exists():
            raise FileExistsError(f"{path} exists, and is left as it is")
    for path, template in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Exclusive: what somebody else writes in this moment is left alone, too.
        with path.open("x", encoding="utf-8") as file:
            file.write(template.read_text(encoding="utf-8"))
    return tuple(files)
