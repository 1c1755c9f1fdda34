"""Checks exported files in Godot, which is too large for every test run."""
