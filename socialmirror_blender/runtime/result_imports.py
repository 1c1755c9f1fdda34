"""Imports results, step by step, into the file that they were started in; the others wait until it is open, or for the user."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

from ...core.contract.errors import UserError
from .busy_scene import scene_is_busy_with
from .origins import EARLIER_SESSION, is_open
from .session import Outcome, session

_PASSING = ("control-rig",)
"""Codes of errors in whose message is what to do: the import goes on by itself once that is done."""


def apply_outcome(outcome: Outcome) -> None:
    """Import a finished reconstruction into the file it was started in; if that is impossible, keep it and say why."""
    put_first(outcome)
    while _import_further():
        pass


def abandon_import() -> None:
    """Take back what was done of an import that is under way. If its result is kept, the import begins anew later."""
    steps, session.importing = session.importing, None
    if steps is not None:
        steps.close()


def put_first(outcome: Outcome) -> None:
    """Let a result be imported next; those that were not imported yet wait, except an earlier one of the same."""
    abandon_import()
    others = tuple(each for each in session.results if _place(each) != _place(outcome))
    session.pending, session.waiting, session.notice = outcome, others, ""


def _place(outcome: Outcome) -> tuple[Any, ...]:
    """What two results have in common if the import of one is also that of the other."""
    origin = outcome.origin
    return outcome.folder, origin.filepath or origin.file_serial, origin.scene, origin.collection


def choose_result() -> bool:
    """Let a result of the open file be imported before those that wait for another one. Whether the pending one has changed."""
    results = session.results
    chosen = next((each for each in results if is_open(each.origin)), results[0] if results else None)
    if chosen is session.pending:
        return False
    abandon_import()
    session.pending, session.notice = chosen, ""
    session.waiting = tuple(each for each in results if each is not chosen)
    return True


def has_result_for_open_file() -> bool:
    """Whether a result waits that belongs to the open file, so that it is imported before the queue goes on."""
    return session.pending is not None and is_open(session.pending.origin)


def imports_now() -> bool:
    """Whether a result is being imported or is about to be, which takes a moment."""
    begins = session.importing is not None or not session.notice
    return has_result_for_open_file() and begins and not scene_is_busy_with()


def import_unless_busy() -> bool:
    """Do the next step of importing the pending result, unless the animator or a notice stands in the way.

    Whether there is something new to show.
    """
    if session.pending is None or (session.notice and not session.waits) or scene_is_busy_with():
        return False
    told = session.notice
    _import_further()
    return not told or session.notice != told


def _import_further() -> bool:
    """Do the next step of importing the pending result; whether more are left.

    If it is impossible, the result is kept and the notice says why.
    """
    outcome = session.pending
    if outcome is None or session.apply is None:
        return False
    session.notice, session.waits = "", False
    if not is_open(outcome.origin):
        name = f" ({Path(outcome.origin.filepath).name})" if outcome.origin.filepath else ""
        if outcome.origin.file_serial == EARLIER_SESSION and not name:
            session.notice = (
                f"{Path(outcome.folder).name!r} was not imported before Blender quit. Import the result here."
            )
        else:
            session.notice = (
                f"This reconstruction was started in another file{name}. Open that file, or import the result here."
            )
        return False
    if session.importing is None:
        session.importing = session.apply(outcome)
    try:
        next(session.importing)
    except StopIteration:
        session.pending = None
    except UserError as error:
        session.notice, session.waits = str(error), error.code in _PASSING
    except Exception as error:  # the timer calls this: an error must neither end the timer nor repeat at every tick
        traceback.print_exc()
        session.notice = f"The result could not be imported: {type(error).__name__}: {error}. Please report this."
    else:
        return True
    session.importing = None
    return False
