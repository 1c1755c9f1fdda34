"""Runs the core in a process beside Blender: its Python environment, the child process, the job, the timer that polls."""
