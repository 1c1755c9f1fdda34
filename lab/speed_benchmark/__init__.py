"""Time and memory of the stages; `python -m lab speed` runs it."""
