"""Rigs other than the armatures of a reconstruction: the reconstructed motion as controls, or on another character."""
