"""Fits the noise model of the 2D networks to their detections in rendered clips; `python -m lab fit-noise` runs it."""
