"""The commands of `python -m lab`, one module each; `lab.cli` finds them by name.

A module has a `SUMMARY` (the line in the list of commands), a `DESCRIPTION` and `EXAMPLES` (for the command's own help),
`add_arguments(parser)` and `run(options)`. It imports at its top only what arguments need: whatever is heavy (torch, OpenCV,
matplotlib) is imported by `run`, so that help appears at once.
"""
