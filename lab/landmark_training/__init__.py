"""Learning what the detector's landmarks are on the body; `lab/landmark_training/train_landmarks.py` runs it."""
