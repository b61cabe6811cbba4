"""The engine that is measured: the product's own, configured with what each run declares of its vehicle."""

from bench.accuracy.runs import Run
from positioning.fusion import FusionConfig, FusionEngine


def engine_for(run: Run) -> FusionEngine:
    """A fresh engine for one vehicle in the run's frame."""
    return FusionEngine(1, run.frame, FusionConfig(**run.sensors), run.anchors)
