"""An endpoint with the ingestion protocol of Azure Application Insights, and configurable failures.

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
ACCEPTED, PARTLY_ACCEPTED = 200, 206


class Ingestion:
    """An ingestion endpoint.

    Attributes:
        status: the status of its responses; with 206, it accepts all but the first envelope of a request.
        delay_seconds: how long it waits before it responds, after accepting the envelopes; `recover` ends the wait.
        closes_connections: whether it closes connections without a response.
        envelopes: the accepted envelopes, in order of arrival.
        paths: the paths of all requests.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.status, self.delay_seconds, self.closes_connections = ACCEPTED, 0.0, False
        self.envelopes: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self._recovered = threading.Event()
        self._server: ThreadingHTTPServer | None = None

    @property
    def connection_string(self) -> str:
        return f"InstrumentationKey={KEY};IngestionEndpoint=http://127.0.0.1:{self.port}"

    def properties(self) -> list[dict[str, str]]:
        """Return the fields of each envelope."""
        return [envelope["data"]["baseData"]["properties"] for envelope in self.envelopes]

    def events(self) -> list[tuple[str, str]]:
        """Return the kind and id of each event, without duplicates, in order of first arrival."""
        return list(dict.fromkeys((fields["kind"], fields["id"]) for fields in self.properties()))

    def listen(self) -> None:
        """Start listening, on the same port as before."""
        endpoint = self

        class Request(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                endpoint.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Request)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        """Stop listening: connections are refused."""
        if self._server is not None:
            self.recover()
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def recover(self) -> None:
        """Accept everything from now on and respond at once, also to waiting requests."""
        self.status, self.delay_seconds, self.closes_connections = ACCEPTED, 0.0, False
        self._recovered.set()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Accept the envelopes of a request, and respond."""
        self.paths.append(request.path)
        body = request.rfile.read(int(request.headers["Content-Length"]))
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        envelopes = json.loads(body)
        if self.closes_connections:
            request.close_connection = True
            return
        status, rejected = self.status, {ACCEPTED: 0, PARTLY_ACCEPTED: 1}.get(self.status, len(envelopes))
        self.envelopes += envelopes[rejected:]
        if self.delay_seconds:
            self._recovered.clear()
            self._recovered.wait(self.delay_seconds)
        errors = [
            {"index": number, "statusCode": 400, "message": "103: Field 'time' on type 'Envelope' is too old."}
            for number in range(rejected)
        ]
        response = {"itemsReceived": len(envelopes), "itemsAccepted": len(envelopes) - rejected, "errors": errors}
        try:
            request.send_response(status)
            request.send_header("Content-Type", "application/json")
            request.end_headers()
            request.wfile.write(json.dumps(response).encode())
        except (BrokenPipeError, ConnectionResetError):  # the client has given up
            request.close_connection = True


@contextmanager
def ingestion() -> Iterator[Ingestion]:
    """Run an endpoint."""
    endpoint = Ingestion()
    endpoint.listen()
    try:
        yield endpoint
    finally:
        endpoint.stop()
