"""The gRPC side of the road: stations, vehicles and signal controllers in, counted and bounded; what concerns vehicles out."""

from v2x.ingest.limits import IngestLimits
from v2x.ingest.server import IngestCounters, IngestServer

__all__ = ["IngestCounters", "IngestLimits", "IngestServer"]
