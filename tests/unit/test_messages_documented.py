"""`docs/integrators.md` holds what integrators will copy: each example is one its schema and our own code take."""

import json
import re
from importlib import resources
from pathlib import Path

import pytest

from positioning.samples import Verdict
from tests.decided import NOW_NS, validator
from v2x.commands import CHANNEL_KINDS, command_sample
from v2x.messages import DELIVERY, MessageKind

TEXT = (Path(__file__).parents[2] / "docs" / "integrators.md").read_text()
EXAMPLES = re.findall(r"^```json schema=(\S+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
SCHEMAS = {path.name.removesuffix(".json") for path in (resources.files("v2x") / "schemas").iterdir()}
ROWS = {
    cells[0]: cells for line in TEXT.splitlines() if (cells := [cell.strip() for cell in line.strip("|").split("|")])[0].startswith("`")
}


@pytest.mark.parametrize(("schema", "text"), EXAMPLES)
def test_an_example_is_what_its_schema_allows(schema, text):
    validator(schema).validate(json.loads(text))


@pytest.mark.parametrize("text", [text for schema, text in EXAMPLES if schema == "command"])
def test_an_example_of_a_command_is_taken(text):
    assert command_sample(text.encode(), NOW_NS).valid_until_ns > NOW_NS


def test_every_schema_is_listed_and_has_an_example():
    assert {schema for schema, _ in EXAMPLES} == SCHEMAS
    listed = TEXT.split("## Schemas")[1]
    assert set(re.findall(r"`([a-z]+)`", listed)) == SCHEMAS


def test_no_json_escapes_the_check():
    assert TEXT.count("```json") == len(EXAMPLES)


@pytest.mark.parametrize("kind", MessageKind)
def test_the_table_says_how_each_kind_is_delivered(kind):
    owners = ("`{intersection}", "`{network}", "`all/")
    rows = [cells for topic, cells in ROWS.items() if re.search(f"/{kind.value}[/`]", topic) and topic.startswith(owners)]
    assert rows
    for cells in rows:
        assert cells[2].strip("`") in SCHEMAS
        assert (cells[3], cells[4]) == (str(DELIVERY[kind].qos), "yes" if DELIVERY[kind].retain else "no")


@pytest.mark.parametrize("channel", CHANNEL_KINDS)
def test_the_table_says_where_to_write(channel):
    assert f"`{{intersection}}/{channel}/{{author}}`" in ROWS


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_is_explained(verdict):
    assert f"`{verdict.name}`" in ROWS
