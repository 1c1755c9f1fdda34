"""Shared by all tests: SOCIALMIRROR_CHECK_SHAPES makes every call in core and lab check its arrays against annotated shapes."""

import os

if os.environ.get("SOCIALMIRROR_CHECK_SHAPES"):
    import jaxtyping

    jaxtyping.install_import_hook(["core", "lab"], "beartype.beartype")
