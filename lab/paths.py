"""Paths of the checkout's own files and of the lab's working files."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "samples"
BENCHMARKS = ROOT / "benchmarks"
HELDOUT_BODIES = BENCHMARKS / "heldout_bodies.npz"
"""Bodies that the shape space cannot express."""
NOISE_FILE = ROOT / "lab" / "evaluation" / "data" / "noise.json"
"""The noise model of the 2D networks."""
MOTION_CACHE = ROOT / "out" / "motion"
"""Parsed motion capture."""
BLENDER_PYTHON = ROOT / ".venv-blender-4.5" / "bin" / "python"
"""A Python that has Blender as a module; scripts/test makes it."""
