"""A local endpoint for tests that answers, and misbehaves, as it is told."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = Callable[["Request"], None]


@dataclass
class Request:
    """One request, and how to answer it."""

    handler: BaseHTTPRequestHandler
    number: int
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    closing: threading.Event

    @property
    def text(self) -> str:
        """What the model is to go on from."""
        if "prompt" in self.body:
            return self.body["prompt"]
        last = self.body["messages"][-1]
        return last["content"] if last["role"] == "assistant" else ""

    def say(self, content: bytes, status: int = 200, length: int | None = None, **headers: str):
        self.handler.send_response(status)
        self.handler.send_header("Content-Length", str(len(content) if length is None else length))
        for name, value in headers.items():
            self.handler.send_header(name.replace("_", "-"), value)
        self.handler.end_headers()
        self.handler.wfile.write(content)

    def complete(self, text: str, reason: str = "stop", tokens: int | None = None, **fields: Any):
        """Answer as `/completions` or `/chat/completions` do."""
        chat = "messages" in self.body
        said = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        reply: dict[str, Any] = {"choices": [{**said, "finish_reason": reason, **fields}]}
        if tokens is not None:
            reply["usage"] = {"completion_tokens": tokens}
        self.say(json.dumps(reply).encode())

    def stall(self) -> None:
        """Say nothing until the test is over."""
        self.closing.wait()


@dataclass
class Served:
    """A running endpoint."""

    url: str
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    closed: threading.Event = field(default_factory=threading.Event)
    most_at_once: int = 0


@contextmanager
def serving(
    reply: Reply, *, keep_alive: bool = False, tls: ssl.SSLContext | None = None
) -> Iterator[Served]:
    """Serve with a function that answers each request; not answering closes the connection.

    With `keep_alive` connections stay open for further requests, unless a reply says otherwise.
    """
    closing, lock, open_now = threading.Event(), threading.Lock(), [0]
    served = Served("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if keep_alive else "HTTP/1.0"

        def setup(self) -> None:
            super().setup()
            with lock:
                served.connections += 1

        def finish(self) -> None:
            super().finish()
            served.closed.set()

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                number = len(served.requests)
                headers = dict(self.headers.items())
                request = Request(self, number, self.path, headers, json.loads(raw), closing)
                served.requests.append(request)
                open_now[0] += 1
                served.most_at_once = max(served.most_at_once, open_now[0])
            try:
                reply(request)
            except (BrokenPipeError, ConnectionResetError):
                pass
            finally:
                with lock:
                    open_now[0] -= 1

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    server.block_on_close = False
    served.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
