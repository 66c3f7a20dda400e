"""A fake OpenID Connect provider: it logs everybody in as the same person, by the authorization code flow.

Source: OpenID Connect Core 1.0, section 3.1, https://openid.net/specs/openid-connect-core-1_0.html
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

EMAIL = "anna@airline.example"
CLIENT = "page"


class Provider(BaseHTTPRequestHandler):
    """Handle the requests of a log-in."""

    key: RSAKey
    nonces: dict[str, str]

    def do_GET(self) -> None:
        """Handle the discovery, the log-in itself, and the request for the public key."""
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        match address.path:
            case "/.well-known/openid-configuration":
                self.send_json(
                    {
                        "issuer": self.url,
                        "authorization_endpoint": f"{self.url}/authorize",
                        "token_endpoint": f"{self.url}/token",
                        "jwks_uri": f"{self.url}/keys",
                        "id_token_signing_alg_values_supported": ["RS256"],
                    }
                )
            case "/authorize":
                self.nonces["code"] = query["nonce"]
                self.send_response(302)
                self.send_header(
                    "Location", f"{query['redirect_uri']}?{urlencode({'code': 'code', 'state': query['state']})}"
                )
                self.end_headers()
            case "/keys":
                self.send_json({"keys": [self.key.as_dict(private=False)]})

    def do_POST(self) -> None:
        """Exchange the code for a token."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "sub": "1", "email": EMAIL, "iat": now, "exp": now + 600}
        token = jwt.encode({"alg": "RS256"}, claims | {"nonce": self.nonces["code"]}, self.key)
        self.send_json({"access_token": "token", "token_type": "Bearer", "expires_in": 600, "id_token": token})

    @property
    def url(self) -> str:
        """The address of the provider."""
        return f"http://{self.headers['Host']}"

    def send_json(self, body: dict[str, Any]) -> None:
        """Send a JSON response."""
        encoded = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002 (the base class' names)
        """Log nothing."""


@contextmanager
def provider(page: str, folder: Path) -> Iterator[Path]:
    """Serve the provider; yield the file for UI_LOGIN of a page at an address."""
    handler = type("Handler", (Provider,), {"key": RSAKey.generate_key(2048, {"kid": "1"}), "nonces": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        file = folder / "login.toml"
        file.write_text(
            f"""[auth]
redirect_uri = "{page}/oauth2callback"
cookie_secret = "a secret of the tests, long enough for a signature"
client_id = "{CLIENT}"
client_secret = "another secret of the tests"
server_metadata_url = "http://127.0.0.1:{server.server_port}/.well-known/openid-configuration"
""",
            encoding="utf-8",
        )
        yield file
        server.shutdown()
