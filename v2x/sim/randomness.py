"""One seed, many independent streams: a generator for every purpose, so that adding one leaves the others as they were."""

import zlib

import numpy as np


def generator(seed: int, *purpose: object) -> np.random.Generator:
    """The stream of `purpose`, e.g. generator(7, "sensor noise", "rsu-a"). The same arguments give the same numbers."""
    key = "/".join(str(part) for part in purpose).encode()
    return np.random.default_rng([seed, zlib.crc32(key)])
