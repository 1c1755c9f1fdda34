"""The annotators that a user may choose, and which addresses of servers may be asked; standard library only."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from .errors import UserError
from .fields import shown

OFF, AUTO, SERVER = "off", "auto", "server"
LOCAL_MODELS = ("smolvlm2-500m", "qwen3-vl-4b")
"""Models of the hub, by their names in its catalogue."""
ANNOTATORS = (OFF, AUTO, *LOCAL_MODELS, SERVER)
KEY_VARIABLE = "SOCIALMIRROR_ANNOTATOR_KEY"
"""The environment variable with the key of the annotator's server."""


@dataclass(frozen=True)
class ServerAddress:
    """The base of an OpenAI-compatible API, e.g. `http://localhost:11434/v1`."""

    scheme: str
    host: str
    port: int
    path: str
    """Begins with a slash and does not end with one."""

    @property
    def is_this_machine(self) -> bool:
        return _kind(self.host) == "this"

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def server_address(text: str) -> ServerAddress:
    """UserError `bad-annotator` for what is no address of a server, holds a password, or would send pictures unprotected."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise _bad_address(text, "it is not an address") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _bad_address(text, "it does not begin with http:// or https:// and a host")
    if parts.username is not None or parts.password is not None:
        raise UserError(  # without the address, which holds the password
            "bad-annotator",
            "The annotator's address holds a name or a password.",
            f"Leave it out, and give the server's key in {KEY_VARIABLE} or in the add-on's preferences.",
        )
    if parts.query or parts.fragment:
        raise _bad_address(f"{parts.scheme}://{parts.hostname}", "it has a query or a fragment")
    if parts.scheme == "http" and _kind(parts.hostname) == "public":
        raise _bad_address(text, "pictures of the clip would travel unprotected over the internet", "Use https://.")
    return ServerAddress(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), _path(parts))


def _path(parts: SplitResult) -> str:
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return path or "/v1"


def _kind(host: str) -> str:
    """`this` machine, the `local` network, or `public`."""
    if host == "localhost" or host.endswith(".localhost"):
        return "this"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "local" if "." not in host or host.endswith((".local", ".lan", ".home.arpa")) else "public"
    if address.is_loopback:
        return "this"
    return "public" if address.is_global else "local"


def _bad_address(text: str, problem: str, hint: str = "") -> UserError:
    return UserError(
        "bad-annotator",
        f"The annotator's address {shown(text)} cannot be used: {problem}.",
        hint or "Write the address of an OpenAI-compatible server, e.g. http://localhost:11434/v1.",
    )
