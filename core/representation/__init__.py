"""How learned models see two people: one frame, one clock, features of what was observed, and motion as a change of the first."""
