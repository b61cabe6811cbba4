"""Builds every kernel that pyproject.toml names under AddressSanitizer and UndefinedBehaviorSanitizer, into build/sanitized/PACKAGE/.

    python tests/debug/build_sanitized.py
    LD_PRELOAD=$(gcc -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 V2X_SANITIZED=build/sanitized python -m pytest tests/debug

Leaks are not looked for: the interpreter keeps what it has until it ends.
"""

import tomllib
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "build" / "sanitized"
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
COMPILE = ["-O1", "-g", "-fno-omit-frame-pointer", "-UNDEBUG", *SANITIZERS]


def kernels() -> list[Extension]:
    """The extension modules of pyproject.toml, with the sanitizers in place of the optimiser."""
    modules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["ext-modules"]
    return [
        Extension(
            module["name"], [str(ROOT / source) for source in module["sources"]], extra_compile_args=COMPILE, extra_link_args=SANITIZERS
        )
        for module in modules
    ]


def main() -> None:
    """Not through `setup()`, which would read pyproject.toml and build the kernels again without the sanitizers."""
    sources = cythonize(kernels(), build_dir=str(ROOT / "build" / "sanitized-c"), quiet=True)
    command = build_ext(Distribution({"name": "sanitized", "ext_modules": sources}))
    command.build_lib = str(TARGET)
    command.build_temp = str(ROOT / "build" / "sanitized-o")
    command.parallel = True
    command.ensure_finalized()
    command.run()
    print(f"{len(sources)} kernels under {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
