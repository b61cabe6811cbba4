"""The log's bytes: every record comes back, and no damage stops the reader or passes as a record."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from v2x.log_format import MAGIC, Damage, End, Gap, Header, LogError, LoggedArrival, Step, encode_record, read_log
from v2x.pipeline import RoadState

I64 = st.integers(-(2**63), 2**63 - 1)
U64 = st.integers(0, 2**64 - 1)
NAME = st.text("abcXYZ019._-äß", min_size=1, max_size=20)
ARRIVAL = st.builds(LoggedArrival, st.integers(0, 255), NAME, NAME, I64, I64, st.binary(max_size=200))
STEP = st.builds(Step, I64, st.lists(ARRIVAL, max_size=4).map(tuple))
GAP = st.builds(Gap, I64, I64, U64)
END = st.builds(End, I64, U64, st.binary(min_size=32, max_size=32), U64, U64)
RECORDS = st.lists(st.one_of(STEP, GAP, END), max_size=8)
HEADER = Header("build", 5, {"grpc": "127.0.0.1:0"}, {"north": "{}"})


def log_of(records):
    return MAGIC + b"".join(map(encode_record, [HEADER, *records]))


@given(RECORDS)
def test_records_come_back_in_order(records):
    assert list(read_log(log_of(records))) == [HEADER, *records]


@given(RECORDS, st.data())
@settings(max_examples=60)
def test_a_torn_tail_costs_only_itself(records, data):
    content = log_of(records)
    cut = data.draw(st.integers(len(MAGIC), len(content)))
    items = list(read_log(content[:cut]))
    whole = [item for item in items if not isinstance(item, Damage)]
    assert whole == [HEADER, *records][: len(whole)]
    assert len(items) - len(whole) <= 1
    assert all("nothing whole follows" in item.text for item in items if isinstance(item, Damage))


@given(st.lists(st.one_of(STEP, GAP, END), min_size=1, max_size=8), st.data())
@settings(max_examples=60)
def test_a_flipped_byte_is_reported_and_the_rest_read(records, data):
    content = bytearray(log_of(records))
    at = data.draw(st.integers(len(MAGIC) + len(encode_record(HEADER)), len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    items = list(read_log(bytes(content)))
    damage = [item for item in items if isinstance(item, Damage)]
    assert len(damage) == 1
    assert damage[0].offset <= at < damage[0].offset + damage[0].length
    assert len(items) == len(records) + 1, "one record became one damage"


def test_a_state_comes_back_bit_for_bit():
    arrays = {"motion": np.array([[0.1, np.nan], [-0.0, np.inf]]), "ids": np.array([], np.int64), "names": np.array(["bus-1", "é"])}
    state = RoadState(3, 9, bytes(range(32)), {"north": 17, "south": 18}, {"north": arrays, "south": {}})
    (back,) = list(read_log(MAGIC + encode_record(state)))
    assert (back.time_ns, back.decisions, back.digest, back.deadlines_ns) == (3, 9, bytes(range(32)), {"north": 17, "south": 18})
    assert back.intersections["south"] == {}
    for key, array in arrays.items():
        again = back.intersections["north"][key]
        assert again.dtype == array.dtype
        assert again.tobytes() == array.tobytes()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", MAGIC[:-1]])
def test_another_file_is_refused(content):
    with pytest.raises(LogError, match="not a v2x log"):
        list(read_log(content))


def test_a_log_of_a_later_version_is_refused():
    with pytest.raises(LogError, match="version 2; this build reads version 1"):
        list(read_log(MAGIC + encode_record(Header("build", 5, {}, {}, version=2))))
