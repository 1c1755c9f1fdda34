"""Finds in what pip and uv write why they did not reach an index: their last line often names a consequence only."""

from __future__ import annotations

from collections.abc import Sequence

_CAUSES = (
    (("407", "proxy authorization required", "proxy authentication required"), "the proxy asks for a name and a password"),
    (("proxyerror", "cannot connect to proxy", "tunnel error", "tunnel connection failed"), "the proxy cannot be reached"),
    (("certificate_verify_failed", "invalid peer certificate", "unknownissuer"), "the certificate of the index is not trusted"),
    (
        ("nameresolutionerror", "dns error", "name or service not known", "getaddrinfo failed", "nodename nor servname"),
        "the address of the index is not found (is there a network?)",
    ),
    (
        ("newconnectionerror", "connecttimeouterror", "readtimeouterror", "tcp connect error", "connection refused", "timed out"),
        "the index does not answer",
    ),
)  # fmt: skip
_ABOUT_PROXIES = ("proxy", "tunnel")


def network_failure(lines: Sequence[str]) -> str | None:
    """The cause as the end of a sentence; None where the lines tell of none. A proxy comes first: the rest follows from it."""
    text = "\n".join(lines).lower()
    for signs, cause in _CAUSES:
        if signs[0] == "407" and not any(word in text for word in _ABOUT_PROXIES):
            continue
        if any(sign in text for sign in signs):
            return cause
    return None
