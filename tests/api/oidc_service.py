"""A small OpenID Connect service that really signs: authorization code with PKCE, a key set, a token."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "coterie-test", "a shared secret"


class Service:
    """What it knows; `claims` is who signs in next, `twist` changes what is signed."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.claims: dict[str, Any] = {}
        self.issuer = ""
        self.codes: dict[str, dict[str, str]] = {}
        self.twist = ""

    def configuration(self) -> dict[str, Any]:
        """The discovery document."""
        ends = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
        return {"issuer": self.issuer, **{name: self.issuer + path for name, path in ends.items()}}

    def keys(self) -> dict[str, Any]:
        """The public keys."""
        body = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**body, "kid": "k1", "use": "sig", "alg": "RS256"}]}

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser goes back to; the person agrees at once."""
        assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, form: dict[str, str]) -> dict[str, Any] | None:
        """The ID token for a code; None where anything is not as it must be."""
        asked = self.codes.pop(form["code"], None)
        verifier = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or form.get("client_secret") != SECRET:
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 60,
            "nonce": asked["nonce"],
            **self.claims,
        }
        return {"id_token": self.signed(claims), "token_type": "Bearer", "access_token": "x"}

    def signed(self, claims: dict[str, Any]) -> str:
        """The token, or one that must not be believed."""
        key: Any = self.key
        wrong = {
            "audience": {"aud": "somebody else"},
            "issuer": {"iss": "https://evil.example"},
            "expired": {"exp": int(time.time()) - 3600},
            "nonce": {"nonce": "another"},
            "two audiences": {"aud": [CLIENT, "other"]},
        }
        claims = {**claims, **wrong.get(self.twist, {})}
        if self.twist == "none":
            return jwt.encode(claims, None, algorithm="none", headers={"kid": "k1"})
        if self.twist == "shared secret":
            return jwt.encode(claims, SECRET * 3, algorithm="HS256", headers={"kid": "k1"})
        if self.twist == "other key":
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": "k2" if self.twist == "kid" else "k1"})


@contextmanager
def serving() -> Iterator[Service]:
    """The service on a free port of this machine."""
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", service.authorize(asked))
                self.end_headers()
                return
            self._json(service.keys() if parts.path == "/keys" else service.configuration())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._json(service.token({name: values[0] for name, values in parse_qs(body).items()}))

        def _json(self, body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(200 if body is not None else 400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
