"""Write `v2x/v1` from `proto/`, or with --check prove that what is committed is what the compiler writes."""

import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[1]


def generate(target: Path) -> None:
    sources = sorted(str(path) for path in (ROOT / "proto").rglob("*.proto"))
    bundled = Path(protoc.__file__).parent / "_proto"
    outputs = [f"--{kind}_out={target}" for kind in ("python", "pyi", "grpc_python")]
    if protoc.main(["protoc", f"-I{ROOT / 'proto'}", f"-I{bundled}", *outputs, *sources]):
        sys.exit("the protobuf compiler refused the contract, see above")


def stale_files() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = {path.relative_to(folder): path.read_bytes() for path in Path(folder).rglob("*_pb2*")}
    committed = {path.relative_to(ROOT): path.read_bytes() for path in (ROOT / "v2x" / "v1").glob("*_pb2*") if path.suffix != ".pyc"}
    return sorted(str(name) for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name))


if __name__ == "__main__":
    if "--check" in sys.argv:
        if stale := stale_files():
            sys.exit(f"not what proto/ says, run make proto: {', '.join(stale)}")
    else:
        generate(ROOT)
