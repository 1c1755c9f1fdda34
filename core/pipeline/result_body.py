"""The body that a result was made with."""

from __future__ import annotations

from pathlib import Path

from ..body.files import load_body
from ..body.model import BodyModel
from ..contract.errors import UserError
from ..contract.names import is_network_path
from ..contract.reconstruction import Info


def body_of(info: Info) -> BodyModel:
    """UserError `body-on-network` or `body-changed`, and those of `load_body`."""
    path, identity = info.body["path"], info.body["id"]
    if is_network_path(path):  # opening it can send the user's login to whoever has written the record
        raise UserError(
            "body-on-network",
            f"The body of this reconstruction is on another computer and is not opened automatically: {path}.",
            "Copy it to this computer and reconstruct the clip again with it.",
        )
    body = load_body(None if path == "default" else Path(path))
    if body.identity != identity:
        raise UserError(
            "body-changed",
            f"The body of this reconstruction was {identity}, now there is {body.identity}.",
            "Put the old file back, or reconstruct the clip again.",
        )
    return body
