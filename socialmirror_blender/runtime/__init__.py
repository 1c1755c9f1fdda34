"""The managed process beside Blender: its environment, the child, the one job, and the timer that keeps them going."""
