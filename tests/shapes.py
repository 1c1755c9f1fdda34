"""Checks the annotated shapes of arrays in every call, for `SOCIALMIRROR_CHECK_SHAPES=1`.

Only annotations that name a shape are checked. The other types are left to pyright: at run time a test may pass a stand-in
that has no more than what the test needs.
"""

import re
from collections.abc import Callable
from types import FunctionType
from typing import Any

from beartype import BeartypeConf, beartype
from jaxtyping import AbstractArray, AbstractDtype

_check = beartype(conf=BeartypeConf(is_pep484_tower=True))


def check_shapes(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its annotated shapes checked by beartype. jaxtyping's import hook calls this for each function."""
    assert isinstance(function, FunctionType)
    annotations = {name: kind for name, kind in function.__annotations__.items() if _names_a_shape(kind, function)}
    if not annotations:
        return function
    checked = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    checked.__kwdefaults__ = function.__kwdefaults__
    checked.__module__, checked.__qualname__ = function.__module__, function.__qualname__
    checked.__annotations__ = annotations
    return _check(checked)


def _names_a_shape(annotation: Any, function: FunctionType) -> bool:
    """Whether an annotation, as a type or as the text of one, mentions a shape or an alias of one."""
    if not isinstance(annotation, str):
        return "jaxtyping." in f"{annotation!r} {getattr(annotation, '__module__', '')}."
    mentioned = (function.__globals__.get(word) for word in re.findall(r"\w+", annotation))
    return any(isinstance(kind, type) and issubclass(kind, (AbstractArray, AbstractDtype)) for kind in mentioned)
