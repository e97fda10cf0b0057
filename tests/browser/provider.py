"""A small provider of accounts: OpenID Connect's code flow with PKCE, as far as a client that checks it needs it."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT, SECRET = "relex", "a secret between the two"


class Provider:
    """Listens on a port of its own between `start` and `stop`. `accounts` are the claims by subject: who comes in
    chooses one of them. `broken` is what it does wrong: "" or one of "token" (it fails at the last step), "key" (it
    signs with a key that is not published), "nonce" (it answers for another attempt)."""

    def __init__(self, port: int, accounts: Mapping[str, Mapping[str, Any]]) -> None:
        self.port, self.accounts, self.broken = port, accounts, ""
        self.issuer = f"http://127.0.0.1:{port}"
        self.key = RSAKey.generate_key(2048, parameters={"kid": "one"})
        self.stranger = RSAKey.generate_key(2048, parameters={"kid": "one"})
        self.codes: dict[str, dict[str, str]] = {}
        self.left: list[dict[str, str]] = []
        """The questions with which people were sent here to be signed out."""
        self.server: ThreadingHTTPServer | None = None

    def start(self) -> Provider:
        handler = type("Handler", (_Handler,), {"provider": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def settings(self, app: str) -> str:
        """The secrets.toml of the app at that address."""
        return (
            f'[auth]\nredirect_uri = "{app}/oauth2callback"\ncookie_secret = "{secrets.token_hex(32)}"\n'
            f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\n'
            f'server_metadata_url = "{self.issuer}/.well-known/openid-configuration"\n'
        )

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/leave",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def choice(self, asked: dict[str, str]) -> str:
        """The page on which somebody says who they are."""
        assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        links = []
        for subject in self.accounts:
            code = secrets.token_urlsafe(16)
            self.codes[code] = {**asked, "sub": subject}
            links.append((subject, urlencode({"code": code, "state": asked["state"]})))
        links.append(("Refuse", urlencode({"error": "access_denied", "state": asked["state"]})))
        items = (
            f'<p><a href="{html.escape(asked["redirect_uri"])}?{html.escape(question)}">{html.escape(who)}</a>'
            for who, question in links
        )
        return f"<!doctype html><title>Accounts</title>{''.join(items)}"

    def token(self, sent: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """The answer to a code, None for one that is not good (any more)."""
        asked = self.codes.pop(sent.get("code", ""), None)
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or self.broken == "token" or pair != f"{CLIENT}:{SECRET}":
            return None
        if challenge != asked["code_challenge"] or sent.get("redirect_uri") != asked["redirect_uri"]:
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 600,
            "nonce": "another" if self.broken == "nonce" else asked["nonce"],
            "sub": asked["sub"],
            **self.accounts[asked["sub"]],
        }
        key = self.stranger if self.broken == "key" else self.key
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)
        return {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "id_token": signed}


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = _single(parts.query)
        if parts.path == "/.well-known/openid-configuration":
            self._json(self.provider.metadata())
        elif parts.path == "/jwks":
            self._json(KeySet([self.provider.key]).as_dict(private=False))
        elif parts.path == "/authorize":
            self._answer(200, "text/html; charset=utf-8", self.provider.choice(asked))
        elif parts.path == "/leave":
            self.provider.left.append(asked)
            self.send_response(302)
            self.send_header("Location", asked["post_logout_redirect_uri"])
            self.end_headers()
        else:
            # a browser also asks for an icon
            self._answer(200, "text/plain", "")

    def do_POST(self) -> None:
        sent = _single(self.rfile.read(int(self.headers["Content-Length"])).decode())
        answer = self.provider.token(sent, self.headers.get("Authorization", ""))
        self._json(answer or {"error": "invalid_grant"}, 200 if answer else 400)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _json(self, value: Any, status: int = 200) -> None:
        self._answer(status, "application/json", json.dumps(value))

    def _answer(self, status: int, kind: str, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())


def _single(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}
