"""Our own file: what is written is read again, newer minor versions pass, newer major ones are refused."""

import json

import pytest

from intersections.map import MapError
from intersections.map_json import dumps, load, loads, save
from v2x.importers.four_arms import four_arm_crossing


def document(**changes):
    return json.loads(dumps(four_arm_crossing())) | changes


def test_saved_and_loaded_again(tmp_path):
    map = four_arm_crossing()
    save(map, tmp_path / "map.json")
    again = load(tmp_path / "map.json")
    assert dumps(again) == dumps(map)
    assert again.zones == map.zones
    assert [lane.polyline.tolist() for lane in again.lanes] == [lane.polyline.tolist() for lane in map.lanes]
    assert again.origin.latitude_rad == pytest.approx(map.origin.latitude_rad, abs=1e-12)


def test_unknown_keys_of_a_newer_minor_version_pass():
    newer = document(weather="rain")
    newer["lanes"][0]["surface"] = "asphalt"
    newer["zones"][0]["shape"] = [[0, 0]]
    assert dumps(loads(json.dumps(newer))) == dumps(four_arm_crossing())


def test_zones_left_out_are_computed():
    without = document()
    del without["zones"]
    assert loads(json.dumps(without)).zones == four_arm_crossing().zones


def test_an_empty_list_of_zones_stays_empty():
    assert loads(json.dumps(document(zones=[]))).zones == ()


def test_a_hand_written_map_needs_little():
    text = """{"format": "v2x-map", "version": 1, "id": "tiny", "origin": {"latitude_deg": 32.0, "longitude_deg": 118.0},
      "lanes": [{"id": "a", "kind": "driving", "width_m": 3, "speed_limit_mps": 10, "polyline_m": [[-30, 0], [-5, 0]]},
                {"id": "b", "kind": "driving", "width_m": 3, "speed_limit_mps": 10, "polyline_m": [[5, 0], [30, 0]]}],
      "connections": [{"id": "ab", "ingress": "a", "egress": "b", "path_m": [[-5, 0], [5, 0]]}]}"""
    map = loads(text)
    assert (map.region, map.connection["ab"].stop_line_m, map.connection["ab"].priority) == ("district", 25.0, "equal")
    assert map.lane["a"].allows_vehicles


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, r"written in version 2 of the format; this program reads up to 1"),
        ({"version": "1"}, "not a positive integer"),
        ({"version": True}, "not a positive integer"),
        ({"version": 0}, "not a positive integer"),
        ({"format": "geojson"}, "not a map"),
        ({"origin": {"latitude_deg": 32.0}}, "map: has no 'longitude_deg'"),
        ({"origin": 5}, "map: "),
        ({"id": 7}, "map: 7 is not a string"),
        ({"lanes": {}}, "lanes: not a list"),
        ({"lanes": [5]}, r"lanes\[0\]: "),
        ({"lanes": [{"id": "x", "kind": "driving"}]}, r"lanes\[0\] 'x': has no 'polyline_m'"),
        ({"lanes": [{"id": "x", "kind": "canal"}]}, r"lanes\[0\] 'x': 'canal' is not"),
        (
            {"lanes": [{"id": "x", "kind": "driving", "width_m": 3, "speed_limit_mps": 9, "polyline_m": [[0, "east"], [1, 1]]}]},
            r"lanes\[0\] 'x': ",
        ),
        ({"connections": [{"id": "x", "ingress": "nowhere"}]}, r"connections\[0\] 'x': ingress lane 'nowhere' is unknown"),
        ({"crossings": [{"id": "x", "width_m": None, "polyline_m": [[0, 0], [1, 1]]}]}, r"crossings\[0\] 'x': "),
        ({"zones": [{"first": "north-left"}]}, r"zones\[0\]: has no 'second'"),
    ],
)
def test_what_is_wrong_is_said_of_its_element(changes, message):
    with pytest.raises(MapError, match=message):
        loads(json.dumps(document(**changes)))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"v2x-map"', '{"format": "v2x-map"}'])
def test_no_map_at_all(text):
    with pytest.raises(MapError):
        loads(text)


def test_an_error_in_a_file_names_the_file(tmp_path):
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(MapError, match=r"broken\.json"):
        load(tmp_path / "broken.json")
    with pytest.raises(MapError, match=r"missing\.json"):
        load(tmp_path / "missing.json")
