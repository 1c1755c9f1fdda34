"""Set-up shared by all tests, before anything of the project is imported.

`SOCIALMIRROR_CHECK_SHAPES=1` makes every call in core and lab check its arrays against the annotated shapes.
"""

import os

if "PYTEST_XDIST_WORKER" in os.environ:
    # the workers share the cores already; torch reads these once, when it is imported, and child processes inherit them
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

if os.environ.get("SOCIALMIRROR_CHECK_SHAPES") == "1":
    from tests.shapes import check_shapes_of

    check_shapes_of("core", "lab")
