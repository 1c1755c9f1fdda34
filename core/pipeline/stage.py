"""Typed stages: functions whose signatures say what they depend on, and a runner that computes only what is not cached.

    @stage(version=1, cost=40)
    def fit_alone(observations: Observations, initial: MotionEstimate, settings: FitSettings, reporter: Reporter) -> FittedMotion:
        ...

    node = fit_alone.node(observations=observed, initial=initial, settings=FitSettings())
    results = run([node], cache, progress)

A stage's inputs are the results of other stages (nodes), values that were given from outside with a key of their own, and plain
settings. The key of a result is made of the stage's name and version, the content of the weights that it reads, and the keys of
all its inputs; the type in the cache is the function's return type. So nothing that changes a result can be left out of its key,
and a result is valid for ever or never asked for again, on whichever device the rest was computed.
"""

from __future__ import annotations

import inspect
import time
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

from ..checkpoint import weights_file
from ..contract.errors import UserError
from ..digests import content_key
from ..perception.recording import ChunkStore
from ..reporting import Reporter, SilentReporter
from .cache import CacheEntry, key_of

R = TypeVar("R")
_REPORTER, _CHUNKS = "reporter", "chunks"
_FILLED = (_REPORTER, _CHUNKS)
"""The parameters that the runner fills in itself."""


@dataclass(frozen=True)
class Stage(Generic[R]):
    """One step of the pipeline; see `stage` for how to declare one."""

    name: str
    function: Callable[..., R]
    version: int
    """Rises when the function's results change."""
    cost: float
    """The time that it is expected to take relative to the other stages."""
    weights: tuple[str, ...] = ()
    """Kinds of weights that it reads (`checkpoint.weights_file`)."""
    stored: bool = True
    """Whether its results are kept in the cache; cheap ones are computed where they are needed, without being announced."""

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """The types of its inputs by name."""
        hints = typing.get_type_hints(self.function)
        return {name: hints[name] for name in inspect.signature(self.function).parameters if name not in _FILLED}

    @cached_property
    def result(self) -> type[R]:
        return typing.get_type_hints(self.function)["return"]

    def __call__(self, *args: Any, **kwargs: Any) -> R:
        """Run the function itself, without cache and runner."""
        return self.function(*args, **kwargs)

    def node(self, **inputs: Any) -> Node[R]:
        """The stage with its inputs. TypeError where one is missing, unknown or of another type than the function's parameter."""
        missing = self.inputs.keys() ^ inputs.keys()
        if missing:
            raise TypeError(f"{self.name}: inputs {sorted(missing)} are missing or unknown")
        for name, value in inputs.items():
            _check_type(f"{self.name}: {name}", value, self.inputs[name])
        return Node(self, inputs)


def stage(
    *, version: int, cost: float, weights: tuple[str, ...] = (), stored: bool = True
) -> Callable[[Callable[..., R]], Stage[R]]:
    """Declare a function as a stage. Its name, with hyphens, is the stage's."""

    def declare(function: Callable[..., R]) -> Stage[R]:
        return Stage(function.__name__.replace("_", "-"), function, version, cost, weights, stored)

    return declare


@dataclass(frozen=True)
class Given(Generic[R]):
    """A value from outside the pipeline, with the key that stands for it."""

    value: R
    key: str
    check: Callable[[], None] = lambda: None
    """Raises a UserError where the value is not any more what the key stands for; called before a result of it is stored."""


@dataclass(frozen=True, eq=False)
class Node(Generic[R]):
    """A stage with its inputs: a result that can be computed."""

    stage: Stage[R]
    inputs: Mapping[str, Any]

    @cached_property
    def key(self) -> str:
        contents = [
            content_key(path) if (path := weights_file(kind)).is_file() else None for kind in self.stage.weights
        ]
        inputs = {name: _key_part(value) for name, value in self.inputs.items()}
        return key_of(self.stage.name, self.stage.version, contents, inputs)

    @property
    def dependencies(self) -> Iterator[Node[Any]]:
        return (value for value in self.inputs.values() if isinstance(value, Node))


class ResultStore(Protocol):
    """Where results are kept between runs: `cache.Cache` on disk, `cache.MemoryCache` for an evaluation."""

    def read(self, kind: type, stage: str, key: str) -> CacheEntry | None: ...
    def write(self, stage: str, key: str, entry: CacheEntry) -> None: ...
    def use(self, stage: str, key: str) -> bool: ...
    def chunks(self, stage: str, key: str) -> ChunkStore: ...


class CollectingReporter(Reporter, Protocol):
    """A reporter that keeps the warnings of its stage."""

    warnings: list[str]


class RunProgress(Protocol):
    """Follows a run: `progress.JobProgress` for a job."""

    def expect(self, weights: Mapping[str, float]) -> None: ...
    def begin(self, stage: str) -> CollectingReporter: ...


class Results:
    """The results of nodes; warnings and seconds are of the runs that computed them, whenever that was."""

    def __init__(self) -> None:
        self._entries: dict[str, CacheEntry] = {}
        self._nodes: dict[str, Node[Any]] = {}

    def __getitem__(self, node: Node[R]) -> R:
        return self._entries[node.key].result

    def __contains__(self, node: Node[Any]) -> bool:
        return node.key in self._entries

    def add(self, node: Node[Any], entry: CacheEntry) -> None:
        self._entries[node.key] = entry
        self._nodes[node.key] = node

    def sorted_by(self, order: Sequence[Node[Any]]) -> Results:
        """The same results in the order of the nodes, which is that of their warnings."""
        arranged = Results()
        for node in order:
            if node in self:
                arranged.add(node, self._entries[node.key])
        return arranged

    @property
    def warnings(self) -> tuple[str, ...]:
        said = [warning for entry in self._entries.values() for warning in entry.warnings]
        return tuple(dict.fromkeys(said))

    @property
    def seconds(self) -> dict[str, float]:
        """By announced stage; where one ran on several inputs, their sum."""
        total: dict[str, float] = {}
        for key, entry in self._entries.items():
            if not self._nodes[key].stage.stored:
                continue
            total[self._nodes[key].stage.name] = round(total.get(self._nodes[key].stage.name, 0.0) + entry.seconds, 3)
        return total


def run(targets: Sequence[Node[Any]], store: ResultStore, progress: RunProgress) -> Results:
    """The results of the targets and of all that they depend on, read from the store or computed in order and stored."""
    order = in_order(targets)
    results = Results()
    for node in order:
        entry = store.read(node.stage.result, node.stage.name, node.key) if node.stage.stored else None
        if entry is not None:
            results.add(node, entry)
    needed = _needed(targets, order, results)
    announced = [node for node in needed if node.stage.stored]
    progress.expect({_label(node, announced): node.stage.cost for node in announced})
    for node in needed:
        reporter = progress.begin(_label(node, announced)) if node.stage.stored else SilentReporter()
        results.add(node, _compute(node, results, store, reporter))
    return results.sorted_by(order)


def expected_cost(targets: Sequence[Node[Any]], store: ResultStore, computed: set[str]) -> float:
    """The cost of a run where the results with the `computed` keys will be in the store, too; what is there counts as used."""
    order = in_order(targets)
    missing = [node for node in order if node.stage.stored and not store.use(node.stage.name, node.key)]
    return sum(node.stage.cost for node in missing if node.key not in computed)


def in_order(targets: Sequence[Node[Any]]) -> list[Node[Any]]:
    """The targets and all that they depend on, each once, dependencies first."""
    order: dict[str, Node[Any]] = {}

    def visit(node: Node[Any]) -> None:
        if node.key not in order:
            for dependency in node.dependencies:
                visit(dependency)
            order.setdefault(node.key, node)

    for target in targets:
        visit(target)
    return list(order.values())


def _needed(targets: Sequence[Node[Any]], order: Sequence[Node[Any]], results: Results) -> list[Node[Any]]:
    """The nodes that have to be computed. Results that are not stored are needed only where a computed node reads them."""
    keys = {node.key for node in order if node.stage.stored and node not in results}
    keys |= {node.key for node in targets if node not in results}
    for node in reversed(order):
        if node.key in keys:
            keys |= {dependency.key for dependency in node.dependencies if dependency not in results}
    return [node for node in order if node.key in keys]


def _label(node: Node[Any], needed: Sequence[Node[Any]]) -> str:
    """The stage's name, with a number from the second time on that the stage runs."""
    same = [other.key for other in needed if other.stage.name == node.stage.name]
    number = same.index(node.key) + 1
    return node.stage.name if number == 1 else f"{node.stage.name}-{number}"


def _compute(node: Node[Any], results: Results, store: ResultStore, reporter: CollectingReporter) -> CacheEntry:
    arguments: dict[str, Any] = {}
    for name, value in node.inputs.items():
        if isinstance(value, Node):
            arguments[name] = results[value]
        else:
            arguments[name] = value.value if isinstance(value, Given) else value
    wanted = inspect.signature(node.stage.function).parameters
    chunks = store.chunks(node.stage.name, node.key)
    filled = {_REPORTER: reporter, _CHUNKS: chunks}
    arguments |= {name: value for name, value in filled.items() if name in wanted}
    reporter.progress(0.0)
    started = time.perf_counter()
    try:
        result = node.stage.function(**arguments)
    except UserError:  # which may come of what has changed meanwhile
        _check_given(node, chunks)
        raise
    _check_given(node, chunks)
    entry = CacheEntry(result, tuple(reporter.warnings), round(time.perf_counter() - started, 3))
    if node.stage.stored:
        store.write(node.stage.name, node.key, entry)
        if _CHUNKS in wanted:
            chunks.forget(0)
    return entry


def _check_given(node: Node[Any], chunks: ChunkStore) -> None:
    try:
        for value in node.inputs.values():
            if isinstance(value, Given):
                value.check()
    except UserError:
        chunks.forget(0)
        raise


def _key_part(value: Any) -> Any:
    """What stands for an input in a key: a key, or plain data that JSON can hold."""
    if isinstance(value, Node | Given):
        return value.key
    if hasattr(value, "to_json"):
        return value.to_json()
    if is_dataclass(value):
        return {item.name: _key_part(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, tuple | list):
        return [_key_part(each) for each in value]
    return value


def _check_type(what: str, value: Any, wanted: Any) -> None:
    """TypeError where a node's result, a given value or a setting is not of the type that the function's parameter has."""
    kinds = typing.get_args(wanted) if typing.get_origin(wanted) in (types.UnionType, typing.Union) else (wanted,)
    classes = tuple(typing.get_origin(kind) or kind for kind in kinds)
    classes = (*classes, int) if float in classes else classes
    if isinstance(value, Node):
        if not issubclass(value.stage.result, classes):
            raise TypeError(f"{what} is a {value.stage.result.__name__}, not {wanted}")
        return
    value = value.value if isinstance(value, Given) else value
    if not isinstance(value, classes):
        raise TypeError(f"{what} is a {type(value).__name__}, not {wanted}")


def cache_missing() -> UserError:
    """The error of `refine` where the results of the 2D stage are gone."""
    return UserError(
        "cache-missing",
        "What was seen in the clip is not in this folder's cache any more.",
        "Reconstruct the clip again; then it can be refined.",
    )
