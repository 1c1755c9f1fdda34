"""Data, files and messages that the core and the Blender add-on share. Imports numpy at most."""
