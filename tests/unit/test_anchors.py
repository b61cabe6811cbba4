"""The file of surveyed gNBs: what is taken, and how an operator is told what is wrong."""

import json
import math

import pytest

from positioning.samples import Anchor
from v2x.anchors import read_anchors
from v2x.config import load_settings
from v2x.errors import ConfigError

GOOD = {"id": "gnb-1", "latitude_deg": 52.27, "longitude_deg": 10.52, "height_m": 10.5}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "gnbs.json"


def test_the_surveyed_gnbs(file):
    file.write_text(json.dumps([GOOD, GOOD | {"id": "gnb-2", "height_m": 25}]))
    first, second = read_anchors(load_settings({"anchors": file}).anchors)
    assert first == Anchor("gnb-1", math.radians(52.27), math.radians(10.52), 10.5)
    assert (second.id, second.height_m) == ("gnb-2", 25.0)


def test_without_a_file_there_are_none():
    assert read_anchors(load_settings({}).anchors) == ()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "unexpected end"),
        ("{}", "a list of at most"),
        ("[1]", "gNB 0: an object with id, latitude_deg, longitude_deg, height_m is wanted"),
        (json.dumps([GOOD, {"id": "b"}]), "gNB 1: an object"),
        (json.dumps([GOOD | {"floor": 3}]), "gNB 0: an object"),
        (json.dumps([GOOD, GOOD]), "two gNBs with the id gnb-1"),
        (json.dumps([GOOD | {"id": "a b"}]), "gNB 0: id has to be"),
        (json.dumps([GOOD | {"latitude_deg": 91}]), r"gNB 0 \(gnb-1\): latitude_deg has to be a number in -90..90"),
        (json.dumps([GOOD | {"longitude_deg": "10"}]), "longitude_deg has to be a number"),
        (json.dumps([GOOD | {"height_m": True}]), "height_m has to be a number"),
        ("[" + json.dumps(GOOD).replace("10.5}", "NaN}") + "]", "gnbs.json"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(file, content, told):
    file.write_text(content)
    with pytest.raises(ConfigError, match=told) as caught:
        read_anchors(file)
    assert caught.value.flag == "--anchors"


def test_a_file_that_is_not_there_is_named(file):
    with pytest.raises(ConfigError, match=r"gnbs\.json"):
        read_anchors(file)
