"""Generate the Python code of the wire contract, or check that it is in step.

The generator is pinned to the oldest release that we support: generated code runs on newer
libraries, not on older ones.  It needs an old protobuf, so it lives in its own environment.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

GENERATOR = ("grpcio-tools==1.62.3", "mypy-protobuf==3.6.0", "setuptools<80")
PROTOS = ("protos/base.proto", "protos/director.proto", "protos/aggregator.proto")
ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv-protos"


def generator_python() -> Path:
    """Return the interpreter of the generator's environment, which is made on first use."""
    python = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = ENVIRONMENT / "pinned.txt"
    pinned = "\n".join(GENERATOR)
    if not stamp.exists() or stamp.read_text() != pinned:
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *GENERATOR], check=True)
        stamp.write_text(pinned)
    return python


def generate(output: Path) -> dict[str, bytes]:
    """Run the compiler into `output`; return the generated files by their path from the root."""
    python = generator_python()
    # The compiler finds its plug-ins on PATH.
    environment = os.environ | {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    outputs = [f"--{kind}_out={output}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
    command = [python, "-m", "grpc_tools.protoc", "-I.", *outputs, *PROTOS]
    subprocess.run(command, check=True, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    return {
        str(path.relative_to(output)): path.read_bytes()
        for path in sorted(output.glob("protos/*_pb2*"))
    }


def main() -> int:
    """Write the generated code, or with --check compare; the answer is the exit code."""
    parser = argparse.ArgumentParser(prog="python -m protos.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if out of step")
    check: bool = parser.parse_args().check
    with tempfile.TemporaryDirectory() as scratch:
        generated = generate(Path(scratch))
    here = {str(path.relative_to(ROOT)) for path in ROOT.glob("protos/*_pb2*")}
    stale = [
        name
        for name in sorted(here | set(generated))
        if not (ROOT / name).exists() or (ROOT / name).read_bytes() != generated.get(name)
    ]
    if not check:
        for name in stale:
            if name in generated:
                (ROOT / name).write_bytes(generated[name])
            else:
                (ROOT / name).unlink()
    verb = "out of step" if check else "written"
    for name in stale:
        sys.stdout.write(f"{verb}: {name}\n")
    if check and stale:
        sys.stdout.write("run `python -m protos.generate` and commit what it writes\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
