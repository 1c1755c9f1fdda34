"""The geometry optimizer: from what was seen of two people to where their joints are, and how sure that is."""
