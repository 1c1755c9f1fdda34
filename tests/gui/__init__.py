"""The story of a first hour, in a real Blender window, by mouse and keys: `scripts/test --gui`."""
