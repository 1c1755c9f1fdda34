"""Many clips: reads a manifest, runs its clips one after the other or one a GPU, and sums up what became of them.

Each clip runs in a process of its own, so that one that fails, or ends its process, does not end the others. What became of it is
a file of its own beside the manifest, so that several machines can share the work and a second run does only what is left.
"""
