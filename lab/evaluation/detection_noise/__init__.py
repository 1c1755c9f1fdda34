"""A noise model of the 2D networks: it simulates detections of two people whose motion is known, without any pixels."""
