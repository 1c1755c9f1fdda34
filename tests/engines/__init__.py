"""Readers of exported files that share no code with their writers: importers of engines, run by node."""
