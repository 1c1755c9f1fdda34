"""The Python environment that the core runs in: what it needs, how that is installed, how it is repaired.

Nothing in here imports a package at the top of a module but the standard library, so that it runs where nothing is installed.
"""
