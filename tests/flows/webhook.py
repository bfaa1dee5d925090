"""A web server on this machine that takes messages as Slack does, or does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CANARY = "c4n4ry-of-the-webhook"


@dataclass
class Webhook:
    """``url`` holds a secret, as Slack's do; ``messages`` are the texts that came."""

    url: str = ""
    status: int = 200
    messages: list[str] = field(default_factory=list)


@contextmanager
def webhook(status: int = 200, *, answers: bool = True) -> Iterator[Webhook]:
    """A webhook that answers with this status, or takes a message and says nothing until it is closed."""
    hook = Webhook(status=status)
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            hook.messages.append(given["text"])
            if not answers:
                over.wait()
                return
            self.send_response(hook.status)
            self.end_headers()
            self.wfile.write(b"ok" if hook.status == 200 else b"no_service")

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook.url = f"http://127.0.0.1:{server.server_port}/services/T0/B0/{CANARY}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield hook
        finally:
            over.set()
            server.shutdown()
            thread.join()
