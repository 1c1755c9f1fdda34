"""What the learned models share: frame of reference, uniform frame rate, and motion as a residual to a reference motion."""
