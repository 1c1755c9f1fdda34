"""Fits the landmark regressor of `core.body.landmarks` to rendered people; `python -m lab train-landmarks` runs it."""
