"""What our own JSON files have in common: a head with format and version, lists of elements, one element a line.

Rules:
* `version` counts breaking changes: a reader refuses a higher one, and passes over keys it does not know.
* Every mistake is told with its place in the file.
* One element a line, so that two files can be compared with ordinary tools.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Item = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OwnFormat:
    """`not_ours`: what is said of another file. `error`: what every mistake is raised as."""

    name: str
    version: int
    not_ours: str
    error: type[ValueError]

    def head(self, text: str) -> Item:
        try:
            head = json.loads(text)
        except ValueError as error:
            raise self.error(f"not JSON: {error}") from error
        if not isinstance(head, dict) or head.get("format") != self.name:
            raise self.error(self.not_ours)
        version = head.get("version")
        if type(version) is not int or version < 1:
            raise self.error(f'"version" is {version!r}, not a positive integer')
        if version > self.version:
            raise self.error(f"written in version {version} of the format; this program reads up to {self.version}")
        return head

    def elements(self, head: Item, key: str, read: Callable[[Any], T]) -> tuple[T, ...]:
        items = head.get(key, [])
        if not isinstance(items, list):
            raise self.error(f"{key}: not a list")
        return tuple(self.read(_place(key, number, item), item, read) for number, item in enumerate(items))

    def read(self, place: str, item: Any, read: Callable[[Any], T]) -> T:
        """Read one element; whatever is missing or of a wrong type is said of that element."""
        try:
            return read(item)
        except KeyError as error:
            raise self.error(f"{place}: has no {error}") from error
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise self.error(f"{place}: {error}") from error

    def dumps(self, head: Item, lists: Mapping[str, Sequence[Any]]) -> str:
        head = {"format": self.name, "version": self.version} | dict(head)
        parts = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
        parts += [f"{json.dumps(key)}: {_lines(items)}" for key, items in lists.items()]
        return "{\n" + ",\n".join(parts) + "\n}\n"


def _place(key: str, number: int, item: Any) -> str:
    id = item.get("id", "") if isinstance(item, dict) else ""
    return f"{key}[{number}] {id!r}" if id else f"{key}[{number}]"


def _lines(items: Sequence[Any]) -> str:
    lines = [json.dumps(item, ensure_ascii=False, allow_nan=False) for item in items]
    return "[\n" + ",\n".join(lines) + "\n]" if lines else "[]"
