"""Puts the sanitized kernels in place of the usual ones before anything imports them. V2X_SANITIZED names their folder."""

import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path

import pytest

if "V2X_SANITIZED" not in os.environ:
    raise pytest.UsageError("tests/debug runs on sanitized kernels: use `make debug-test`")

FOLDER = Path(os.environ["V2X_SANITIZED"]).resolve()
SUFFIX = EXTENSION_SUFFIXES[0]
KERNELS = {".".join(path.relative_to(FOLDER).parts).removesuffix(SUFFIX): path for path in FOLDER.glob(f"*/*{SUFFIX}")}


class SanitizedKernels:
    """A finder that knows only the kernels."""

    @staticmethod
    def find_spec(name: str, *_place: object) -> ModuleSpec | None:
        if name not in KERNELS:
            return None
        return spec_from_file_location(name, KERNELS[name], loader=ExtensionFileLoader(name, str(KERNELS[name])))


if "libasan" not in os.environ.get("LD_PRELOAD", ""):
    raise pytest.UsageError("the sanitizer has to be loaded first, or it ends the process: use `make debug-test`")
if not KERNELS:
    raise pytest.UsageError(f"no kernels under {FOLDER}: run tests/debug/build_sanitized.py")
if early := KERNELS.keys() & sys.modules.keys():
    raise pytest.UsageError(f"imported before their sanitized builds could be: {', '.join(sorted(early))}")
sys.meta_path.insert(0, SanitizedKernels)


@pytest.fixture(scope="session")
def sanitized_kernels() -> dict[str, Path]:
    """Module names and files of the sanitized builds."""
    return KERNELS
