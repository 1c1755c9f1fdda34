"""Fuzzing of everything that reads files or messages from outside.

`targets` lists the readers, each with a valid example (`examples`) that `mutations` damages. `campaign` gives the damaged inputs
to a reader in a process of its own, `blender_campaign` to Blender; `soundness` judges what is accepted, by rules of its own.
"""
