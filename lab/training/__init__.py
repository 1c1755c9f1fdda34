"""Learning from choreographed people: examples, the loop, and what is kept of both."""
