"""Learning what the detector's landmarks are on the body; `scripts/train_landmarks.py` runs it."""
