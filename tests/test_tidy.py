"""The source itself under test: sizes, words, and what must never be committed."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 70
MAX_FILE_BYTES = 500_000
BUILT = {".git", ".venv", "build", "dist", "state", "__pycache__", ".hypothesis"}
TEXT = {".py", ".pyx", ".pxd", ".pyi", ".proto", ".md", ".toml", ".json", ".lock", ".yaml", ".yml", "", ".html", ".js", ".css"}

# Written in pieces, so that this file does not trip over itself.
FORBIDDEN_TEXT = {
    "unfinished work": re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b|NotImplemented" + r"Error"),
    "a registry's address": re.compile(r"pypi\." + r"org|files\.pythonhosted|registry\.npm" + r"js|deb\.debian"),
    "a path of one machine": re.compile(r"(?<![\w.])/(wor" + r"k|ro" + r"ot|ho" + r"me)/\w"),
}
FORBIDDEN_NAMES = re.compile(r"(Manager|Helper|Util|Utils|Processor)$|^process$|^(data|info)$")


def files() -> list[Path]:
    found = [path for path in ROOT.rglob("*") if path.is_file() and not BUILT & set(path.relative_to(ROOT).parts)]
    foreign = ("_cache", ".egg-info", "v2x/v1")
    return [path for path in found if path.suffix in TEXT and not any(word in str(path) for word in foreign)]


def modules() -> list[Path]:
    return [path for path in files() if path.suffix in {".py", ".pyx", ".pxi"}]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_fits_on_a_few_screens(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_MODULE_LINES


@pytest.mark.parametrize("path", [path for path in modules() if path.suffix == ".py"], ids=name_of)
def test_functions_are_short_and_well_named(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.lineno + 1
            assert lines <= MAX_FUNCTION_LINES, f"{node.name} has {lines} lines"
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            assert not FORBIDDEN_NAMES.search(node.name), node.name


@pytest.mark.parametrize("path", [path for path in modules() if path.suffix != ".py"], ids=name_of)
def test_kernel_functions_are_short(path):
    lines = path.read_text().splitlines()
    starts = [(number, line) for number, line in enumerate(lines, 1) if re.match(r"(    )?(cp?def|def)\b.*[(:]", line)]
    ends = [number for number, _ in starts[1:]] + [len(lines) + 1]
    for (number, line), end in zip(starts, ends, strict=True):
        assert end - number <= MAX_FUNCTION_LINES + 2, f"line {number}: {line.strip()}"


@pytest.mark.parametrize("path", [path for path in modules() if path.suffix == ".py" and "tests" not in path.parts], ids=name_of)
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(tree(path)) or not path.read_text()


def test_every_kernel_has_its_types_beside():
    for kernel in (ROOT / "ext").glob("*.pyx"):
        assert list(ROOT.glob(f"*/{kernel.stem}.pyi")), kernel.name


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_nothing_is_committed_that_must_not_be(path):
    assert path.stat().st_size <= MAX_FILE_BYTES
    text = path.read_text(encoding="utf-8")
    for what, pattern in FORBIDDEN_TEXT.items():
        assert not pattern.search(text), f"{what}: {pattern.search(text).group()}"


def test_only_texts_are_committed():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("no git checkout")
    paths = [ROOT / name.decode() for name in listed.stdout.split(b"\0") if name]
    assert [name_of(path) for path in paths if path.exists() and b"\0" in path.read_bytes()] == []


@pytest.mark.parametrize("path", [path for path in modules() if "tests" in path.parts and path.suffix == ".py"], ids=name_of)
def test_tests_do_not_sleep(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep":
            assert ast.unparse(node.args[0]) == "0", f"line {node.lineno}: only sleep(0), to give way"
