"""Motion of two people, solved from a scene of goals by optimisation: clips with exact ground truth."""
