"""An endpoint that speaks the ingestion protocol of Azure Application Insights, and fails as it is told.

Source: https://github.com/Azure/azure-sdk-for-python/tree/main/sdk/monitor/azure-monitor-opentelemetry-exporter/swagger
"""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.e2e.server import free_port

KEY = "00000000-0000-0000-0000-000000000001"
TAKEN, PARTLY_TAKEN = 200, 206


class Ingestion:
    """An endpoint: what it has taken, and how it answers.

    Attributes:
        status: of its answers; of 206 it takes all but the first envelope of a request.
        seconds: how long it waits before it answers, once it has taken an envelope; `revive` ends that.
        hangs_up: whether it closes connections without an answer.
        envelopes: what it has taken, in the order of arrival.
        paths: of all requests.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.status, self.seconds, self.hangs_up = TAKEN, 0.0, False
        self.envelopes: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self._alive = threading.Event()
        self._server: ThreadingHTTPServer | None = None

    @property
    def connection_string(self) -> str:
        return f"InstrumentationKey={KEY};IngestionEndpoint=http://127.0.0.1:{self.port}"

    def properties(self) -> list[dict[str, str]]:
        """Return the fields of each envelope."""
        return [envelope["data"]["baseData"]["properties"] for envelope in self.envelopes]

    def events(self) -> list[tuple[str, str]]:
        """Return kind and id of each event, once, in the order of first arrival."""
        return list(dict.fromkeys((fields["kind"], fields["id"]) for fields in self.properties()))

    def listen(self) -> None:
        """Begin to listen, on the same port as before."""
        endpoint = self

        class Request(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                endpoint.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Request)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def vanish(self) -> None:
        """Stop to listen: connections are refused."""
        if self._server is not None:
            self.revive()
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def revive(self) -> None:
        """Take everything from now on, and answer at once, also to those who wait."""
        self.status, self.seconds, self.hangs_up = TAKEN, 0.0, False
        self._alive.set()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Take what is sent, and answer it."""
        self.paths.append(request.path)
        body = request.rfile.read(int(request.headers["Content-Length"]))
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        envelopes = json.loads(body)
        if self.hangs_up:
            request.close_connection = True
            return
        status, first = self.status, {TAKEN: 0, PARTLY_TAKEN: 1}.get(self.status, len(envelopes))
        self.envelopes += envelopes[first:]
        if self.seconds:
            self._alive.clear()
            self._alive.wait(self.seconds)
        errors = [
            {"index": number, "statusCode": 400, "message": "103: Field 'time' on type 'Envelope' is too old."}
            for number in range(first)
        ]
        told = {"itemsReceived": len(envelopes), "itemsAccepted": len(envelopes) - first, "errors": errors}
        try:
            request.send_response(status)
            request.send_header("Content-Type", "application/json")
            request.end_headers()
            request.wfile.write(json.dumps(told).encode())
        except (BrokenPipeError, ConnectionResetError):  # who asked has not waited
            request.close_connection = True


@contextmanager
def ingestion() -> Iterator[Ingestion]:
    """Run an endpoint."""
    endpoint = Ingestion()
    endpoint.listen()
    try:
        yield endpoint
    finally:
        endpoint.vanish()
