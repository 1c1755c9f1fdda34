"""Asks a vision–language model on an OpenAI-compatible server: llama.cpp, Ollama, vLLM or a service, at the user's address.

Only what a question needs is sent: the pictures of the two people and the text. The key is a header and nowhere else, neither in
messages nor in files. Redirects to another host are refused, for whoever answers there was not named by the user.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import cv2

from ..contract.annotators import KEY_VARIABLE, ServerAddress
from ..contract.errors import UserError
from ..contract.fields import shown
from ..contract.json_reading import JsonLimits, parse_json
from .generator import AnnotatorUnavailable, Check
from .question import Message, Picture

_PICTURES, _PICTURE_SIZE = 8, 512
_JPEG_QUALITY = 88
_LIMITS = JsonLimits(2 << 20, depth=16, values=50_000)
_CHUNK = 1 << 16
_POLL_SECONDS = 0.1
_REDIRECTS = 3
_PROXY_REFUSES = 407
_HINT = "Check that the server runs and that the address, the model and the key are right."


@dataclass(frozen=True)
class ServerModel:
    """The `generator.Generator` of a model on a server."""

    address: ServerAddress
    model: str
    key: str = field(default="", repr=False)
    timeout: float = 600.0
    """Seconds that an answer may take: a large model on a small computer takes minutes."""
    patience: float = 10.0
    """Seconds that a connection may take, and the list of models, for which nothing has to be computed."""
    pictures: int = _PICTURES
    picture_size: int = _PICTURE_SIZE

    def answer(self, conversation: Sequence[Message], max_tokens: int, check: Check) -> str:
        question = {
            "model": self.model,
            "messages": [{"role": message.role, "content": _content(message)} for message in conversation],
            "max_tokens": max_tokens,
            "temperature": 0,
        }
        reply = self._ask("/chat/completions", question, check, self.timeout)
        try:
            text = reply["choices"][0]["message"]["content"]
        except (KeyError, IndexError, TypeError) as error:
            raise _unavailable(self.address, "its answer is not that of an OpenAI-compatible server") from error
        if isinstance(text, list):  # parts, as some servers write them
            parts = cast("list[Any]", text)
            text = "".join(
                str(cast("dict[str, Any]", part).get("text", "")) for part in parts if isinstance(part, dict)
            )
        return text if isinstance(text, str) else ""

    def first_model(self, check: Check) -> str:
        """The name of the first model that the server lists."""
        reply = self._ask("/models", None, check, min(self.patience, self.timeout))
        try:
            name = reply["data"][0]["id"]
        except (KeyError, IndexError, TypeError) as error:
            raise _unavailable(self.address, "it lists no model; name one") from error
        if not isinstance(name, str) or not 0 < len(name) <= 200 or not name.isprintable():
            raise _unavailable(self.address, "it lists a model without a name")
        return name

    def _ask(self, path: str, question: Mapping[str, Any] | None, check: Check, timeout: float) -> Any:
        """The server's JSON. The exchange runs in a thread of its own, so that the job can be cancelled meanwhile."""
        exchange = _Exchange(self.address, path, question, self.key, min(self.patience, timeout), timeout)
        thread = threading.Thread(target=exchange.run, daemon=True)
        thread.start()
        deadline = time.monotonic() + timeout
        try:
            while thread.is_alive():
                thread.join(_POLL_SECONDS)
                check()
                if time.monotonic() > deadline:
                    raise _unavailable(self.address, f"it has not answered within {timeout:.0f} seconds")
        finally:
            exchange.close()
        if exchange.error is not None:
            raise exchange.error
        return exchange.reply


class _Exchange:
    """One question and its reply, following redirects on the same host."""

    def __init__(
        self,
        address: ServerAddress,
        path: str,
        question: Mapping[str, Any] | None,
        key: str,
        patience: float,
        timeout: float,
    ) -> None:
        self.reply: Any = None
        self.error: Exception | None = None
        self._address, self._path = address, f"{address.path}{path}"
        self._body = None if question is None else json.dumps(question).encode()
        self._key, self._patience, self._timeout = key, patience, timeout
        self._connected = False
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        try:
            self.reply = self._exchange()
        except UserError as error:
            self.error = error
        except TimeoutError:
            problem = f"it has not answered within {self._timeout:.0f} seconds"
            if not self._connected:
                problem = f"it cannot be reached within {self._patience:.0f} seconds"
            self.error = _unavailable(self._address, problem)
        except ssl.SSLError as error:
            self.error = _unavailable(self._address, f"no protected connection can be made ({error.reason or 'TLS'})")
        except (OSError, http.client.HTTPException) as error:
            if str(error).startswith(f"Tunnel connection failed: {_PROXY_REFUSES}"):
                self.error = self._refused_by_proxy()
                return
            reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            self.error = _unavailable(self._address, f"it cannot be reached ({reason})")
        except Exception as error:  # a thread has nobody else to tell
            self.error = error

    def close(self) -> None:
        """End an exchange that is still going on: the thread's wait fails, and the server learns that nobody waits."""
        connection = self._connection
        if connection is not None and connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(2)
        if connection is not None:
            with suppress(OSError):
                connection.close()

    def _exchange(self) -> Any:
        path = self._path
        for _ in range(_REDIRECTS):
            response = self._request(path)
            if response.status not in (301, 302, 303, 307, 308):
                return self._read(response)
            path = self._redirected(path, response.getheader("Location") or "")
        raise _unavailable(self._address, "it redirects again and again")

    def _request(self, path: str) -> http.client.HTTPResponse:
        self._connection, target, by_proxy = _connection(self._address, path, self._patience)
        self._connected = False
        self._connection.connect()
        self._connected = True
        self._connection.sock.settimeout(self._timeout)
        headers = {"Accept": "application/json", "User-Agent": "SocialMirror", **by_proxy}
        if self._body is not None:
            headers["Content-Type"] = "application/json"
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        self._connection.request("GET" if self._body is None else "POST", target, self._body, headers)
        return self._connection.getresponse()

    def _redirected(self, path: str, location: str) -> str:
        """The path of a redirect. AnnotatorUnavailable where it leads to another host."""
        target = urlsplit(urljoin(_absolute(self._address, path), location))
        usual = 443 if target.scheme == "https" else 80
        if (target.scheme, target.hostname, target.port or usual) != self._address.origin:
            raise _unavailable(
                self._address,
                f"it redirects to another host ({shown(target.hostname or '')}), to which nothing is sent",
                "If you trust that host, give its address instead.",
            )
        return target.path + (f"?{target.query}" if target.query else "")

    def _read(self, response: http.client.HTTPResponse) -> Any:
        data = b""
        while chunk := response.read(_CHUNK):
            data += chunk
            if len(data) > _LIMITS.size:
                raise _unavailable(self._address, f"its answer has more than {_LIMITS.size >> 20} MB")
        if response.status == _PROXY_REFUSES:
            raise self._refused_by_proxy()
        if response.status != http.HTTPStatus.OK:
            raise _unavailable(self._address, _status_words(response.status, data, self._key))
        try:
            return parse_json(data, _LIMITS)
        except ValueError as error:
            raise _unavailable(self._address, f"its answer is not JSON ({error})") from error

    def _refused_by_proxy(self) -> AnnotatorUnavailable:
        by = _proxy(self._address)
        return _unavailable(
            self._address,
            f"the proxy {by.hostname if by else ''} asks for another name and password ({_PROXY_REFUSES})",
            f"Set {self._address.scheme.upper()}_PROXY to http://NAME:PASSWORD@HOST:PORT, or NO_PROXY to the server's host.",
        )


def _connection(
    address: ServerAddress, path: str, timeout: float
) -> tuple[http.client.HTTPConnection, str, dict[str, str]]:
    """A connection, by the system's proxy unless the server is this machine, what is asked for on it, and the proxy's headers."""
    by = _proxy(address)
    host, port = (address.host, address.port) if by is None or not by.hostname else (by.hostname, by.port or 8080)
    login = {} if by is None or by.username is None else {"Proxy-Authorization": _basic(by.username, by.password or "")}
    if address.scheme == "http":
        plain = http.client.HTTPConnection(host, port, timeout=timeout)
        return (plain, path, {}) if by is None else (plain, _absolute(address, path), login)
    secure = http.client.HTTPSConnection(host, port, timeout=timeout, context=ssl.create_default_context())
    if by is not None:
        secure.set_tunnel(address.host, address.port, login)
    return secure, path, {}


def _proxy(address: ServerAddress) -> SplitResult | None:
    """The system's proxy for an address."""
    if address.is_this_machine or urllib.request.proxy_bypass(address.host):
        return None
    proxy = urllib.request.getproxies().get(address.scheme)
    return urlsplit(proxy if "//" in proxy else f"//{proxy}") if proxy else None


def _basic(name: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{unquote(name)}:{unquote(password)}'.encode()).decode('ascii')}"


def _absolute(address: ServerAddress, path: str) -> str:
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{address.scheme}://{host}:{address.port}{path}"


def _content(message: Message) -> str | list[dict[str, Any]]:
    if not message.pictures:
        return "".join(part for part in message.content if isinstance(part, str))
    return [
        {"type": "text", "text": part}
        if isinstance(part, str)
        else {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{_jpeg(part)}"}}
        for part in message.content
    ]


def _jpeg(picture: Picture) -> str:
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    if not done:
        raise ValueError("a picture cannot be written as JPEG")
    return base64.b64encode(data.tobytes()).decode("ascii")


def _status_words(status: int, data: bytes, key: str) -> str:
    """What a server's refusal says, without the key that some repeat."""
    if status in (401, 403):
        return f"it refuses the key ({status})" if key else f"it asks for a key ({status})"
    words = ""
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        error = parse_json(data, _LIMITS)["error"]
        words = str(error["message"] if isinstance(error, dict) else error)
    words = words.replace(key, "***") if key else words
    return f"it answers with {status}{f', {shown(words)}' if words else ''}"


def _unavailable(address: ServerAddress, problem: str, hint: str = _HINT) -> AnnotatorUnavailable:
    return AnnotatorUnavailable("annotator-server", f"The annotator's server {address} is of no use: {problem}.", hint)


def key_from_environment() -> str:
    """The key of the server, which is kept nowhere else; empty for none."""
    return os.environ.get(KEY_VARIABLE, "").strip()
