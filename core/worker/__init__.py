"""The worker: the process that runs jobs for Blender, `python -m core serve`.

Requests arrive on stdin and answers leave on stdout, one JSON object per line (`core.contract.messages`). One thread reads, one
runs the job, and the main thread decides what happens, so it can always react to a cancellation. The worker ends on request, when
stdin closes, and when its parent process has ended.
"""

from .server import serve

__all__ = ["serve"]
