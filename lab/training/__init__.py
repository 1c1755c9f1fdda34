"""Training of the learned models: examples from choreographed interactions, losses, training loop, weights and model cards."""
