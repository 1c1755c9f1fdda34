"""Runs the command line, `core.cli`."""

import os

# These have to be set before torch is imported. Otherwise its idle OpenMP threads spin, which makes small operations many times
# slower on a machine with few cores or a high load.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

if __name__ == "__main__":
    from .interrupts import INTERRUPTED, ignore_interrupts, say_cancelled, watch_interrupts

    watch_interrupts()  # before the imports that Ctrl-C may hit
    try:
        from .cli import main
        from .environment.use import hold_environment

        hold_environment()
        code = main()
    except KeyboardInterrupt:
        say_cancelled()
        code = INTERRUPTED
    ignore_interrupts()
    raise SystemExit(code)
