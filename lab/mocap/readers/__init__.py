"""Readers of the motion capture formats of the field, one module a format."""
