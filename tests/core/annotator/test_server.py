"""An OpenAI-compatible server is asked at the user's address and nowhere else; whatever it answers is read or said."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from core.annotator.choosing import AnnotatorChoice, choose_annotator
from core.annotator.generator import Annotator, AnnotatorUnavailable
from core.annotator.question import Message, first_question
from core.annotator.server import ServerModel
from core.contract.annotators import server_address
from core.contract.errors import Cancelled, UserError
from core.reporting import SilentReporter
from tests.core.annotator.answers import GOOD

KEY = "sk-very-secret"
Reply = tuple[int, dict[str, str], bytes]


class Api:
    """A server that answers as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.reply: Callable[[str], Reply] = lambda path: completion(GOOD)
        self.delay = 0.0
        api = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                api.asked.append((self.command, self.path, headers, json.loads(body) if body else None))
                time.sleep(api.delay)
                status, extra, data = api.reply(self.path)
                try:
                    self.send_response(status)
                    for name, value in extra.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:
                    pass  # nobody listens any more

            do_GET = do_POST = _answer

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1"

    def model(self, **fields: Any) -> ServerModel:
        return ServerModel(server_address(self.url), "seer", **{"key": KEY, "timeout": 10.0, **fields})


def completion(text: Any) -> Reply:
    return 200, {"Content-Type": "application/json"}, json.dumps({"choices": [{"message": {"content": text}}]}).encode()


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    yield made
    made.server.shutdown()
    made.server.server_close()


def ask(model: ServerModel, check: Callable[[], None] = lambda: None) -> str:
    picture = np.full((32, 32, 3), (255, 0, 0), np.uint8)
    return model.answer([first_question([picture], [0.0])], 50, check)


def test_the_pictures_and_the_question_are_sent_and_nothing_else(api: Api):
    assert ask(api.model()) == GOOD
    method, path, headers, body = api.asked[0]
    assert (method, path, headers["authorization"]) == ("POST", "/v1/chat/completions", f"Bearer {KEY}")
    assert body.keys() == {"model", "messages", "max_tokens", "temperature"}
    assert body["model"] == "seer" and body["temperature"] == 0 and body["max_tokens"] == 50
    parts = body["messages"][0]["content"]
    (image,) = (part["image_url"]["url"] for part in parts if part["type"] == "image_url")
    data = np.frombuffer(base64.b64decode(image.removeprefix("data:image/jpeg;base64,")), np.uint8)
    sent = cv2.imdecode(data, cv2.IMREAD_COLOR_BGR)
    assert sent is not None and sent.shape == (32, 32, 3) and sent[16, 16, 2] > 240 > 20 > sent[16, 16, 0]
    assert "Do not say left or right" in parts[-1]["text"]


def test_a_local_server_needs_no_key_and_a_further_question_no_pictures(api: Api):
    conversation = [Message("user", ("What?",)), Message("assistant", ("Hm.",)), Message("user", ("Again.",))]
    api.model(key="").answer(conversation, 50, lambda: None)
    _, _, headers, body = api.asked[0]
    assert "authorization" not in headers
    assert [message["content"] for message in body["messages"]] == ["What?", "Hm.", "Again."]


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((401, {}, b'{"error": {"message": "bad key sk-very-secret"}}'), "refuses the key"),
        ((404, {}, b'{"error": "no model seer"}'), "404, 'no model seer'"),
        ((500, {}, b'{"error": {"message": "token sk-very-secret leaked"}}'), "500, 'token \\*\\*\\* leaked'"),
        ((503, {}, b"<html>busy</html>"), "answers with 503"),
        ((200, {}, b"not json"), "not JSON"),
        ((200, {}, b'{"choices": []}'), "not that of an OpenAI-compatible server"),
        ((200, {}, b"[1]"), "not that of an OpenAI-compatible server"),
        ((200, {}, b"x" * (3 << 20)), "more than 2 MB"),
        (
            (302, {"Location": "http://example.com/v1/chat/completions"}, b""),
            "redirects to another host .'example.com'",
        ),
        ((307, {"Location": "https://127.0.0.1/v1"}, b""), "redirects to another host"),
        ((302, {"Location": "/again"}, b""), "redirects again and again"),
    ],
)
def test_what_a_server_does_wrong_is_said_without_the_key(api: Api, reply: Reply, words: str):
    api.reply = lambda path: reply
    with pytest.raises(AnnotatorUnavailable, match=words) as raised:
        ask(api.model())
    assert raised.value.code == "annotator-server" and raised.value.hint
    assert KEY not in str(raised.value) and KEY not in repr(api.model())


def test_a_redirect_on_the_same_server_is_followed_with_the_question(api: Api):
    api.reply = lambda path: completion(GOOD) if path == "/moved" else (308, {"Location": "/moved"}, b"")
    assert ask(api.model()) == GOOD
    assert [(method, path) for method, path, _, _ in api.asked] == [
        ("POST", "/v1/chat/completions"),
        ("POST", "/moved"),
    ]
    assert api.asked[1][3] == api.asked[0][3]


def test_a_server_that_does_not_answer_is_waited_for_only_so_long(api: Api):
    api.delay = 5.0
    started = time.monotonic()
    with pytest.raises(AnnotatorUnavailable, match="not answered within"):
        ask(api.model(timeout=0.4))
    assert time.monotonic() - started < 3


def test_the_list_of_models_is_not_waited_for_as_long_as_an_answer(api: Api):
    api.delay = 5.0
    started = time.monotonic()
    with pytest.raises(AnnotatorUnavailable, match="not answered within"):
        api.model(patience=0.4).first_model(lambda: None)
    assert time.monotonic() - started < 3
    api.delay = 0.8
    assert ask(api.model(patience=0.4)) == GOOD


def test_a_proxy_gets_the_name_and_password_that_its_address_has(api: Api, monkeypatch: pytest.MonkeyPatch):
    def reply(path: str) -> Reply:
        return completion(GOOD) if "proxy-authorization" in api.asked[-1][2] else (407, {}, b"")

    api.reply = reply
    model = ServerModel(server_address("http://gpubox:8000/v1"), "seer", KEY, 10.0)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    host = api.url.removeprefix("http://").removesuffix("/v1")
    monkeypatch.setenv("http_proxy", f"http://me:p%40ss@{host}")
    assert ask(model) == GOOD
    assert api.asked[0][1] == "http://gpubox:8000/v1/chat/completions"
    assert api.asked[0][2]["proxy-authorization"] == f"Basic {base64.b64encode(b'me:p@ss').decode()}"
    monkeypatch.setenv("http_proxy", f"http://{host}")
    with pytest.raises(AnnotatorUnavailable, match=r"proxy 127\.0\.0\.1 asks for .* password") as raised:
        ask(model)
    assert "HTTP_PROXY" in raised.value.hint


@pytest.mark.parametrize("login", ["me:secret@", ""])
def test_a_proxy_that_refuses_a_protected_connection_is_told_from_the_server(
    api: Api, monkeypatch: pytest.MonkeyPatch, login: str
):
    refused = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def refuse() -> None:
            connection, _ = proxy.accept()
            said.append(connection.recv(4096))
            connection.sendall(refused)
            connection.close()

        said: list[bytes] = []
        threading.Thread(target=refuse, daemon=True).start()
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "")
        monkeypatch.setenv("https_proxy", f"http://{login}127.0.0.1:{proxy.getsockname()[1]}")
        with pytest.raises(AnnotatorUnavailable, match="password") as raised:
            ask(ServerModel(server_address("https://api.example.com/v1"), "seer", KEY, 10.0))
    assert "HTTPS_PROXY" in raised.value.hint and "secret" not in str(raised.value)
    assert (b"Proxy-Authorization: Basic" in said[0]) == bool(login)


def test_cancelling_does_not_wait_for_the_server(api: Api):
    api.delay = 5.0
    started = time.monotonic()

    def check() -> None:
        if time.monotonic() - started > 0.2:
            raise Cancelled

    with pytest.raises(Cancelled):
        ask(api.model(), check)
    assert time.monotonic() - started < 2


def test_a_server_that_is_not_there_is_said(api: Api):
    api.server.shutdown()
    api.server.server_close()
    with pytest.raises(AnnotatorUnavailable, match="cannot be reached"):
        ask(api.model())


def test_an_answer_in_parts_and_one_without_text_are_read(api: Api):
    api.reply = lambda path: completion([{"type": "text", "text": "one "}, {"type": "text", "text": "two"}])
    assert ask(api.model()) == "one two"
    api.reply = lambda path: completion(None)
    assert ask(api.model()) == ""


def test_the_first_model_of_the_server_is_asked_where_none_is_named(api: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOCIALMIRROR_ANNOTATOR_KEY", KEY)
    listed = (200, {}, json.dumps({"data": [{"id": "llava"}, {"id": "other"}]}).encode())
    api.reply = lambda path: listed if path.endswith("/models") else completion(GOOD)
    cpu = torch.device("cpu")
    annotator = choose_annotator(AnnotatorChoice("server", api.url), cpu)
    assert annotator is not None and "127.0.0.1" in annotator.title and KEY not in annotator.key + repr(annotator)
    with annotator.load(cpu, SilentReporter()) as model:
        assert model.answer([Message("user", ("What?",))], 50, lambda: None) == GOOD
    assert [path for _, path, _, _ in api.asked] == ["/v1/models", "/v1/chat/completions"]
    assert api.asked[1][3]["model"] == "llava"
    assert all(headers["authorization"] == f"Bearer {KEY}" for _, _, headers, _ in api.asked)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://localhost:11434", "http://localhost:11434/v1"),
        ("http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080/v1"),
        ("http://[::1]:8080/v1/chat/completions", "http://[::1]:8080/v1"),
        ("http://192.168.1.5:1234/v1", "http://192.168.1.5:1234/v1"),
        ("https://api.example.com/openai/v1", "https://api.example.com:443/openai/v1"),
    ],
)
def test_addresses_of_servers_are_read(text: str, address: str):
    assert str(server_address(text)) == address


@pytest.mark.parametrize(
    "text",
    [
        "", "localhost:8080", "ftp://localhost", "http://", "file:///etc/passwd", "http://localhost:99999", "http://[::1",
        "http://api.example.com/v1", "http://8.8.8.8/v1", "https://api.example.com/v1?key=secret", "https://me:secret@example.com",
    ],
)  # fmt: skip
def test_addresses_that_cannot_be_asked_safely_are_refused_without_their_secrets(text: str):
    with pytest.raises(UserError) as raised:
        server_address(text)
    assert raised.value.code == "bad-annotator" and "secret" not in str(raised.value)


def test_only_this_machine_counts_as_this_machine():
    def here(host: str) -> bool:
        return server_address(f"https://{host}/v1").is_this_machine

    assert all(map(here, ["localhost", "127.0.0.1", "127.8.8.8", "[::1]", "ollama.localhost"]))
    assert not any(map(here, ["192.168.0.2", "10.0.0.1", "localhost.example.com", "nas", "example.com", "[fe80::1]"]))


def test_what_one_model_of_a_server_said_is_not_taken_for_anothers(api: Api):
    def annotator(model: str) -> Annotator:
        api.reply = lambda path: (200, {}, json.dumps({"data": [{"id": model}]}).encode())
        chosen = choose_annotator(AnnotatorChoice("server", api.url), torch.device("cpu"))
        assert chosen is not None
        return chosen

    assert annotator("llava").key == annotator("llava").key != annotator("qwen").key
    api.reply = lambda path: (503, {}, b"busy")
    busy = choose_annotator(AnnotatorChoice("server", api.url), torch.device("cpu"))
    assert busy is not None, "a job can do without an annotator"
    with pytest.raises(AnnotatorUnavailable, match="503"), busy.load(torch.device("cpu"), SilentReporter()):
        pass
