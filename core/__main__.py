"""Runs the command line, `core.cli`."""

import os

# These have to be set before torch is imported. Otherwise its idle OpenMP threads spin, which makes small operations many times
# slower on a machine with few cores or a high load.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

if __name__ == "__main__":
    from .cli import main

    raise SystemExit(main())
