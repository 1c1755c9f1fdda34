"""How a UserError reaches the user of an operator."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast

from ...core.contract.errors import UserError

Returned = set[Literal["RUNNING_MODAL", "CANCELLED", "FINISHED", "PASS_THROUGH", "INTERFACE"]]
"""What an operator's `execute` and `invoke` return."""
Method = TypeVar("Method", bound=Callable[..., Any])


def reported(run: Method) -> Method:
    """Wrap an operator's method: a UserError becomes Blender's error message, and the operator is cancelled."""

    @functools.wraps(run)
    def wrapper(operator: Any, *arguments: Any) -> Returned:
        try:
            return run(operator, *arguments)
        except UserError as error:
            operator.report({"ERROR"}, str(error))
            return {"CANCELLED"}

    return cast(Method, wrapper)
