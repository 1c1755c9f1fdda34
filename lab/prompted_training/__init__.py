"""Data, training and measurement of the prompted landmark network (`core.perception.prompted_landmarks`)."""
