"""The wire kernel under the sanitizers, on frames bent byte by byte and on wire forms that no encoder writes.

Rules:
* Every payload lies in a block of exactly its length, so that one byte read behind it is a report.
* A case is named by FUZZ_SEED and its number; the payload that was being read when the sanitizer stopped the run is in
  build/fuzz-last-case.bin: its length in four bytes, little-endian, and the payload.
"""

import mmap
import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from positioning.samples import Verdict
from tests.property.test_wire_twins import frames, nested, wild
from tests.wire_frames import CORPUS, HOSTILE, assert_same_verdict, field_bytes, traffic_frame
from v2x import wire

MUTATIONS = int(os.environ.get("FUZZ_MUTATIONS", "1_000_000"))
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "10_000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
COMPARED = 50  # every so many cases kernel and twin are compared
LAST_CASE = Path("build/fuzz-last-case.bin")

pytestmark = pytest.mark.timeout(1800)
many = settings(max_examples=EXAMPLES // 4, deadline=None, database=None, suppress_health_check=list(HealthCheck))


class LastCase:
    """Keeps the payload under test where the end of the process does not take it along."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(4 + 2 * wire.MAX_BYTES))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    def keep(self, payload: bytes) -> None:
        self._map[: 4 + len(payload)] = len(payload).to_bytes(4, "little") + payload


@pytest.fixture(scope="module")
def last_case() -> LastCase:
    return LastCase(LAST_CASE)


def read_exactly(payload: bytes) -> Verdict:
    """What the kernel makes of the payload at the very end of its memory."""
    exact = np.empty(len(payload), dtype=np.uint8)
    exact[:] = np.frombuffer(payload, dtype=np.uint8)
    try:
        wire.parse_rsu_frame(exact)
    except wire.WireError as error:
        return error.verdict
    return Verdict.ACCEPTED


def flip(payload: bytearray, chance: random.Random) -> None:
    payload[int(chance.random() * len(payload))] ^= 1 << int(chance.random() * 8)


def overwrite(payload: bytearray, chance: random.Random) -> None:
    payload[int(chance.random() * len(payload))] = int(chance.random() * 256)


def insert(payload: bytearray, chance: random.Random) -> None:
    payload.insert(int(chance.random() * len(payload)), int(chance.random() * 256))


def delete(payload: bytearray, chance: random.Random) -> None:
    del payload[int(chance.random() * len(payload))]


def truncate(payload: bytearray, chance: random.Random) -> None:
    del payload[int(chance.random() * len(payload)) :]


def splice(payload: bytearray, chance: random.Random) -> None:
    """A piece of another frame in place of a piece of this one."""
    other = CORPUS[int(chance.random() * len(CORPUS))]
    start, end = sorted((int(chance.random() * len(other)), int(chance.random() * len(other))))
    place = int(chance.random() * len(payload))
    payload[place : place + int(chance.random() * 40)] = other[start : min(end, start + 60)]


BENDS = (flip, overwrite, insert, delete, truncate, splice)


def bent_frames(seed: int, count: int) -> Iterator[bytes]:
    """`count` valid frames, each bent one to four times."""
    chance = random.Random(seed)
    for _ in range(count):
        payload = bytearray(CORPUS[int(chance.random() * len(CORPUS))])
        for _ in range(1 + int(chance.random() * 4)):
            if payload:
                BENDS[int(chance.random() * len(BENDS))](payload, chance)
        yield bytes(payload)


def test_kernel_is_the_sanitized_one(sanitized_kernels: dict[str, Path]) -> None:
    from v2x import _wire

    assert Path(_wire.__file__) == sanitized_kernels["v2x._wire"]


def test_bent_frames(last_case: LastCase, capfd: pytest.CaptureFixture[str]) -> None:
    verdicts: Counter[Verdict] = Counter()
    with capfd.disabled():  # the sanitizer's report goes where it is seen
        for number, payload in enumerate(bent_frames(SEED, MUTATIONS)):
            last_case.keep(payload)
            verdicts[read_exactly(payload)] += 1
            if number % COMPARED == 0:
                assert_same_verdict(payload)
    assert verdicts.keys() == {Verdict.ACCEPTED, Verdict.MALFORMED}
    assert min(verdicts.values()) > sum(verdicts.values()) / 20  # bent far enough to be refused, not so far that nothing is read


def test_every_truncation_of_every_frame(last_case: LastCase, capfd: pytest.CaptureFixture[str]) -> None:
    with capfd.disabled():
        for payload in CORPUS:
            for end in range(len(payload)):
                last_case.keep(payload[:end])
                read_exactly(payload[:end])


def messages() -> Iterator[tuple[int, bytes]]:
    """Field number in the frame, and body: stamps, texts of every length of character, sensors, objects."""
    frame = traffic_frame(seed=7, count=20)
    yield 4, frame.measured.SerializeToString() + b"\x10\x85\x80\x01"
    for text in ("é", "€", "𝄞"):
        yield 1, f"a{text}{text}".encode()
        yield 5, field_bytes(1, 2, text.encode(), 0)
    yield from ((5, sensor.SerializeToString()) for sensor in frame.sensors)
    for item in frame.objects:
        for unknown in (b"", b"\xfb\x01\x08\x01\xfc\x01", b"\xf9\x01" + bytes(8), b"\xfd\x01" + bytes(4), b"\xfa\x01\x03abc"):
            yield 6, unknown + item.SerializeToString() + unknown


def test_every_truncation_of_every_message(last_case: LastCase, capfd: pytest.CaptureFixture[str]) -> None:
    """The outer length fits, so only the reader of the message itself can see that its last field is cut."""
    with capfd.disabled():
        for number, body in messages():
            for end in range(len(body) + 1):
                payload = field_bytes(number, 2, body[:end], 0)
                last_case.keep(payload)
                read_exactly(payload)
                assert_same_verdict(payload)


def test_hostile_forms(last_case: LastCase, capfd: pytest.CaptureFixture[str]) -> None:
    with capfd.disabled():
        for payload in HOSTILE:
            for end in {len(payload), len(payload) // 2, len(payload) - 1}:
                last_case.keep(payload[:end])
                read_exactly(payload[:end])


written = frames.map(lambda frame: frame.SerializeToString())
CASES = {
    "random bytes": st.binary(max_size=300),
    "wild forms": st.lists(st.one_of(wild, nested), max_size=6).map(b"".join),
    "frames": written,
    "frames and wild forms": st.tuples(written, wild).map(b"".join),
}


@pytest.mark.parametrize("payloads", CASES.values(), ids=CASES)
def test_cases_of_hypothesis(payloads: st.SearchStrategy[bytes], last_case: LastCase, capfd: pytest.CaptureFixture[str]) -> None:
    @many
    @given(payloads)
    def read_and_compare(payload: bytes) -> None:
        last_case.keep(payload)
        read_exactly(payload)
        assert_same_verdict(payload)

    with capfd.disabled():
        read_and_compare()
