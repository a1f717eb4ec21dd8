"""A service behind Gatehouse, with Flask:

CERTS=.gatehouse/pki NAME=reports PORT=8443 python3 examples/upstreams/python/service.py

The server is Werkzeug's own, which shows the peer's certificate; with another one (gunicorn, uvicorn) ask it for the
certificate in its own way, and keep `read_identity`.
"""

import os
import re
import ssl
from functools import wraps
from pathlib import Path
from urllib.parse import unquote_to_bytes

from flask import Flask, abort, g, jsonify, request
from werkzeug.serving import WSGIRequestHandler

GATEWAY_ID = "spiffe://gatehouse.internal/gateway"
KINDS = {"user", "service", "api-key", "certificate", "anonymous"}
FIELDS = ("version", "kind", "subject", "issuer", "client", "session", "token", "scopes", "roles", "expires")


class Refused(Exception):
    """Identity headers that the gateway does not write."""


def encode(text: str) -> str:
    plain = lambda byte: 0x20 < byte < 0x7F and byte != 0x25
    return "".join(chr(byte) if plain(byte) else f"%{byte:02X}" for byte in text.encode())


def decode(value: str) -> str:
    """Takes the one spelling that the gateway writes: `%61lice` is not `alice`."""
    try:
        text = unquote_to_bytes(value.encode("latin1")).decode()
    except UnicodeError as cause:
        raise Refused from cause
    if text == "" or encode(text) != value:
        raise Refused
    return text


def read_identity(headers) -> dict:
    """The caller as the gateway verified it (docs/identity-headers.md). `headers` has `get_all`, as `email.message` does."""
    sent = {}
    for field in FIELDS:
        values = headers.get_all(f"x-identity-{field}") or []
        if len(values) > 1:
            raise Refused
        if values:
            sent[field] = values[0]
    kind = sent.get("kind")
    if sent.get("version") != "1" or kind not in KINDS or (kind == "anonymous") != ("subject" not in sent):
        raise Refused
    identity = {"kind": kind}
    for field in ("subject", "issuer", "client", "session", "token"):
        if field in sent:
            identity[field] = decode(sent[field])
    for field in ("scopes", "roles"):
        text = sent.get(field, "")
        identity[field] = [decode(item) for item in text.split(" ")] if text else []
    if "expires" in sent:
        if not re.fullmatch(r"0|[1-9][0-9]{0,14}", sent["expires"]):
            raise Refused
        identity["expires"] = int(sent["expires"])
    return identity


class OnlyTheGateway(WSGIRequestHandler):
    """Hands on what WSGI would have lost: the peer's certificate, and headers that came twice."""

    def make_environ(self):
        names = self.connection.getpeercert().get("subjectAltName", ())
        uris = [value for kind, value in names if kind == "URI"]
        return {**super().make_environ(), "peer.is_gateway": uris == [GATEWAY_ID], "peer.headers": self.headers}


app = Flask(__name__)
app.json.ensure_ascii = False


@app.before_request
def know_the_caller():
    # Another service of the CA has a good certificate, too, and is not the gateway.
    if not request.environ["peer.is_gateway"]:
        abort(403)
    try:
        g.identity = read_identity(request.environ["peer.headers"])
    except Refused:
        abort(403)


def require_scope(scope: str):
    def decorate(view):
        @wraps(view)
        def checked(*args, **kwargs):
            if scope not in g.identity["scopes"]:
                abort(403)
            return view(*args, **kwargs)

        return checked

    return decorate


@app.get("/whoami")
def whoami():
    return jsonify(g.identity)


@app.get("/reports")
@require_scope("reports:read")
def reports():
    return f"the reports of {g.identity['subject']}\n"


if __name__ == "__main__":
    certs, name = Path(os.environ["CERTS"]), os.environ["NAME"]
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certs / "ca.pem")
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_cert_chain(certs / f"{name}.pem", certs / f"{name}-key.pem")
    app.run("127.0.0.1", int(os.environ["PORT"]), ssl_context=tls, request_handler=OnlyTheGateway)
