"""Finds the annotator that a user has chosen, among the models of the hub that are on this machine and servers."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch

from ..contract.annotators import AUTO, LOCAL_MODELS, OFF, SERVER, server_address
from ..hub import store
from ..hub.catalogue import CATALOGUE
from ..reporting import Reporter
from .generator import Annotator, AnnotatorUnavailable, Check
from .local_model import local_model
from .model_inputs import Family, Qwen3Vl, SmolVlm
from .server import ServerModel, key_from_environment
from .settings import QUESTION_VERSION

_FAMILIES: dict[str, Family] = {"smolvlm2-500m": SmolVlm(), "qwen3-vl-4b": Qwen3Vl()}
_SMALL, _LARGE = LOCAL_MODELS


@dataclass(frozen=True)
class AnnotatorChoice:
    """What the user wants."""

    name: str = AUTO
    """One of `contract.annotators.ANNOTATORS`."""
    url: str = ""
    """Of a server; used only if that was chosen."""
    model: str = ""
    """Of the server; empty for the first that it lists."""
    key: str = field(default="", repr=False)
    """Of the server; empty for that of the environment."""


def choose_annotator(choice: AnnotatorChoice, device: torch.device, check: Check = lambda: None) -> Annotator | None:
    """None where it is off, or `auto` finds no model on this machine; a server is never chosen unasked.

    A server that has to say which model it has is asked here: what one model said must not be taken for another's.

    UserError `model-missing` for a model that is chosen by name and not there, `bad-annotator` for a server's address.
    """
    if choice.name == OFF:
        return None
    if choice.name == SERVER:
        return _server(choice, check)
    if choice.name == AUTO:
        name = next((name for name in (_LARGE, _SMALL) if store.installed(name) and _is_quick(name, device)), None)
        return None if name is None else _local(name)
    return _local(choice.name)


def _is_quick(name: str, device: torch.device) -> bool:
    """Whether a model is worth running unasked: the large one on a GPU with room for it, the small one anywhere."""
    if name == _SMALL:
        return True
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return free / 1e9 >= CATALOGUE[name].memory_gigabytes


def _local(name: str) -> Annotator:
    folder, title = store.require(name), CATALOGUE[name].title
    key = f"{name} {store.identity(name)} {QUESTION_VERSION}"
    return Annotator(title, key, lambda device, reporter: local_model(folder, _FAMILIES[name], title, device, reporter))


def _server(choice: AnnotatorChoice, check: Check) -> Annotator:
    address = server_address(choice.url)
    server = ServerModel(address, choice.model, choice.key or key_from_environment())
    unavailable: AnnotatorUnavailable | None = None
    if not server.model:
        try:
            server = replace(server, model=server.first_model(check))
        except AnnotatorUnavailable as error:  # a job can do without an annotator, and says so once it needs one
            unavailable = error

    @contextmanager
    def load(device: torch.device, reporter: Reporter) -> Generator[ServerModel]:
        if unavailable is not None:
            raise unavailable
        yield server

    title = f"{server.model or 'The model'} at {address.host}"
    return Annotator(title, f"server {address} {server.model} {QUESTION_VERSION}", load)
