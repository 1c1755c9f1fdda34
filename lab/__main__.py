"""`python -m lab`: see `lab.cli`."""

import os

# Must be set before torch is imported: its idle OpenMP threads otherwise spin and starve the busy ones, which on a machine
# with few cores or other work makes small operations many times slower. Child processes inherit it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

if __name__ == "__main__":
    from .cli import main

    raise SystemExit(main())
