"""The stack's OIDC issuer: oidc-provider-mock's login, discovery and PKCE, with a signing key that the stack made.

    python -m local.stack.issuer PORT KEYFILE

`token-broker jwt` signs with the same key. No artifact ever contains it.
"""

import os
import sys
from pathlib import Path

import joserfc.jwk
import oidc_provider_mock
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from oidc_provider_mock._storage import storage  # the key has no public setter
from token_broker.jwt import load_key, public_jwk
from werkzeug.wrappers import Request, Response

from local.loopback.guard import from_a_page, from_elsewhere
from local.loopback.sites import refused, serve_wsgi


def make_key(file: Path) -> None:
    """Write an RSA key of 2048 bits that only its owner can read, unless the file exists."""
    if file.exists():
        return
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(pem)


def main(port: int, file: Path) -> None:
    key_id = public_jwk(load_key(file))["kid"]
    key = joserfc.jwk.RSAKey.import_key(file.read_bytes(), {"kid": key_id, "use": "sig", "alg": "RS256"})
    app = oidc_provider_mock.app()

    def use_key() -> None:
        storage.jwk = key

    app.before_request(use_key)
    serve_wsgi(app, port, _refusal)


def _refusal(request: Request) -> Response | None:
    """The mock lets a page of any website log in as anybody and create people.

    Here only pages of this machine may log in and read, and no page may create people.
    """
    changes_people = request.path.startswith("/users/")
    page = from_a_page(request.headers) if changes_people else from_elsewhere(request.headers)
    return None if page is None else refused(page)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
