"""Motion of two people made from a script of goals, by optimisation: clips whose truth is known."""
