"""How a UserError reaches the user of an operator."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal

from ...core.contract.errors import UserError

Returned = set[Literal["RUNNING_MODAL", "CANCELLED", "FINISHED", "PASS_THROUGH", "INTERFACE"]]
"""What an operator's `execute` and `invoke` return."""
Execute = Callable[[Any, Any], Returned]


def reported(run: Execute) -> Any:
    """Wrap an operator's `execute`: a UserError becomes Blender's error message, and the operator is cancelled."""

    @functools.wraps(run)
    def execute(operator: Any, context: Any) -> Returned:
        try:
            return run(operator, context)
        except UserError as error:
            operator.report({"ERROR"}, str(error))
            return {"CANCELLED"}

    return execute
