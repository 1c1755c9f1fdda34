"""Runs a program and ends it, with all that it has started, as soon as the process that asked for it has ended. A script:

    python -I -S guard.py PROGRAM ARGUMENT...

Its stdin is a pipe whose other end the asking process holds; the system closes that end however that process ends, be it killed.
On POSIX systems this has to be started as the leader of a session. The exit code is the program's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

_WINDOWS = os.name == "nt"


def main(command: list[str]) -> int:
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        print(f"{command[0]} does not start: {error.strerror}", file=sys.stderr, flush=True)
        return 127
    threading.Thread(target=_watch, args=(process,), daemon=True).start()
    code = process.wait()
    return code if code >= 0 else 128 - code


def _watch(process: subprocess.Popen[bytes]) -> None:
    try:
        while os.read(0, 4096):
            pass
    finally:
        if _WINDOWS:
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
        else:
            os.killpg(0, signal.SIGKILL)  # this process too


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # the thread still reads
