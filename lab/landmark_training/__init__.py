"""Learning what the detector's landmarks are on the body; `python -m lab train-landmarks` runs it."""
