"""Checks the annotated shapes of arrays in every call, for `SOCIALMIRROR_CHECK_SHAPES=1`.

Only annotations that name a shape are checked, and only functions and dataclasses that have some. The other types are left to
pyright: at run time a test may pass a stand-in that has no more than what the test needs. jaxtyping's own import hook wraps every
function and binds its arguments three times in each call, which took a seventh of a reconstruction's CPU time.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from inspect import CO_GENERATOR
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeVar, cast

import numpy as np
import torch
from beartype import BeartypeConf, beartype
from beartype.door import die_if_unbearable
from jaxtyping import AbstractArray, AbstractDtype, jaxtyped

_Checked = TypeVar("_Checked", bound=Callable[..., Any])
_DECORATOR = "_with_checked_shapes"
_CONF = BeartypeConf(is_pep484_tower=True)
_check = beartype(conf=_CONF)


def check_shapes_of(*packages: str) -> None:
    """From here on, what is imported of some packages checks its shapes."""
    sys.meta_path.insert(0, _Finder(packages))


def check_shapes(checked: _Checked) -> _Checked:
    """The function with its annotated shapes checked by beartype; of a dataclass, those of its fields when one is made."""
    if isinstance(checked, FunctionType):
        return cast(_Checked, _function_with_checks(checked))
    kind = cast(type, checked)
    made = vars(kind).get("__init__")
    if is_dataclass(kind) and isinstance(made, FunctionType):
        type.__setattr__(kind, "__init__", _function_with_checks(made))
    return checked


def _function_with_checks(function: FunctionType) -> Callable[..., Any]:
    shapes = _annotated_shapes(function)
    if not shapes:
        return function
    copy = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__module__, copy.__qualname__ = function.__module__, function.__qualname__
    copy.__annotations__ = shapes
    checked = _check(copy)
    remembered = _Remembered(function.__code__, shapes)

    @functools.wraps(function)
    def in_a_scope_of_its_own(*args: Any, **kwargs: Any) -> Any:
        given = remembered.given(args, kwargs)
        if given is not None and given in remembered.fine:
            result = function(*args, **kwargs)
            if "return" not in shapes or (given, _form(result)) in remembered.fine:
                return result
            with jaxtyped("context"):
                remembered.check_result(args, kwargs, result)
        else:
            with jaxtyped("context"):  # a name stands for one size in one call
                result = checked(*args, **kwargs)
        remembered.keep(given, result)
        return result

    return in_a_scope_of_its_own


class _Remembered:
    """The forms of arguments and results of a function that passed its check: whether they do depends on nothing else.

    A check takes a hundred times as long as a look at the forms, and most calls are like an earlier one.
    """

    def __init__(self, code: CodeType, shapes: dict[str, Any]) -> None:
        count = code.co_argcount
        self.fine: set[Any] = set()
        self._shapes = shapes
        self._positions = [(index, name) for index, name in enumerate(code.co_varnames[:count]) if name in shapes]
        self._by_name = frozenset(code.co_varnames[: count + code.co_kwonlyargcount]) & shapes.keys()
        # what a generator yields is no result, and arguments without a name of their own are not looked at
        self._can = not code.co_flags & CO_GENERATOR and self._by_name | {"return"} >= shapes.keys()

    def given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The forms of the arguments that are checked, None if they cannot be told."""
        if not self._can:
            return None
        forms = [(name, _form(value)) for name, value in self._passed(args, kwargs)]
        return None if any(form is None for _, form in forms) else tuple(forms)

    def keep(self, given: Any, result: Any) -> None:
        if given is not None:
            self.fine.add(given)
            form = _form(result)
            if form is not None:
                self.fine.add((given, form))

    def check_result(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        for name, value in self._passed(args, kwargs):
            die_if_unbearable(value, self._shapes[name], conf=_CONF)  # says what size each name stands for
        die_if_unbearable(result, self._shapes["return"], conf=_CONF)

    def _passed(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[str, Any]]:
        passed = [(name, args[index]) for index, name in self._positions if index < len(args)]
        if kwargs:
            passed += [(name, value) for name, value in kwargs.items() if name in self._by_name]
        return passed


def _form(value: Any) -> Any:
    """What a check of a value depends on, where that is certain, or None."""
    kind = type(value)
    if kind in (np.ndarray, torch.Tensor):
        return kind, value.dtype, tuple(value.shape)
    if kind is tuple:
        forms = tuple(map(_form, value))
        return None if None in forms else (kind, forms)
    return (kind,) if kind in (type(None), bool, int, float) else None


def _annotated_shapes(function: FunctionType) -> dict[str, Any]:
    """The annotations that mention a shape or an alias of one, as types. Left out: those with names that only pyright knows."""
    found = {}
    for name, annotation in function.__annotations__.items():
        if isinstance(annotation, str):
            mentioned = (function.__globals__.get(word) for word in re.findall(r"\w+", annotation))
            if not any(
                isinstance(kind, type) and issubclass(kind, (AbstractArray, AbstractDtype)) for kind in mentioned
            ):
                continue
            try:
                annotation = eval(annotation, function.__globals__)
            except NameError:
                continue
        if "jaxtyping." in f"{annotation!r} {getattr(annotation, '__module__', '')}.":
            found[name] = annotation
    return found


class _Finder(MetaPathFinder):
    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = packages

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in self._packages:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    """Decorates functions that have annotations, and classes."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        tree = ast.parse(self.get_data(path), path)
        for node in ast.walk(tree):
            decorator = ast.Name(_DECORATOR, ast.Load())
            if isinstance(node, ast.ClassDef):
                node.decorator_list.insert(0, ast.copy_location(decorator, node))  # after @dataclass
            elif isinstance(node, ast.FunctionDef) and _has_annotations(node):
                node.decorator_list.append(
                    ast.copy_location(decorator, node)
                )  # the bare function, before others wrap it
        return compile(tree, path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        setattr(module, _DECORATOR, check_shapes)
        super().exec_module(module)


def _has_annotations(node: ast.FunctionDef) -> bool:
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
    return node.returns is not None or any(each is not None and each.annotation is not None for each in arguments)
