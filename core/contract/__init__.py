"""What the core and the Blender add-on share: plain data and its files. Needs numpy at most."""
