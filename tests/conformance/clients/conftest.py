"""A stack that trusts real issuers' software, and Node for the clients that are written in it."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from cryptography.hazmat.primitives.asymmetric import ec
from moto.server import ThreadedMotoServer

from local.loopback.processes import free_ports
from tests.kit.jwts import Signer, b64
from tests.kit.node import Node, node_for
from tests.kit.stacks import Client, running_stack
from tests.kit.waiting import wait_until

HERE = Path(__file__).parent
AUDIENCE = "https://tokens.example.com"
SERVICE, RSA_SERVICE, AGENT = "a-service", "an-rsa-service", "an-agent"
PASSWORD = "Aa1!-of-the-emulator"


@pytest.fixture(scope="session")
def node() -> Node:
    return node_for(HERE)


@dataclass(frozen=True)
class Pool:
    """A Cognito user pool with one person and one client of it."""

    issuer: str
    client_id: str
    jwks: dict[str, Any]
    id_token: str
    access_token: str


@pytest.fixture(scope="session")
def pool() -> Iterator[Pool]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    cognito = boto3.client(
        "cognito-idp", endpoint_url=url, region_name="us-east-1", aws_access_key_id="t", aws_secret_access_key="t"
    )
    name = cognito.create_user_pool(PoolName="people")["UserPool"]["Id"]
    app = cognito.create_user_pool_client(UserPoolId=name, ClientName="site", ExplicitAuthFlows=["ADMIN_NO_SRP_AUTH"])[
        "UserPoolClient"
    ]["ClientId"]
    cognito.admin_create_user(UserPoolId=name, Username="alice", TemporaryPassword=PASSWORD)
    cognito.admin_set_user_password(UserPoolId=name, Username="alice", Password=PASSWORD, Permanent=True)
    tokens = cognito.admin_initiate_auth(
        UserPoolId=name,
        ClientId=app,
        AuthFlow="ADMIN_NO_SRP_AUTH",
        AuthParameters={"USERNAME": "alice", "PASSWORD": PASSWORD},
    )["AuthenticationResult"]
    headers = {"host": "cognito-idp.us-east-1.amazonaws.com"}
    jwks = urllib3.request("GET", f"{url}/{name}/.well-known/jwks.json", headers=headers).json()
    issuer = f"https://cognito-idp.us-east-1.amazonaws.com/{name}"
    yield Pool(issuer, app, jwks, tokens["IdToken"], tokens["AccessToken"])
    server.stop()


@pytest.fixture(scope="session")
def provider(node: Node) -> Iterator[str]:
    """The issuer URL of oidc-provider, a certified OpenID provider."""
    (port,) = free_ports(1)
    process = subprocess.Popen(
        [*node, HERE / "provider.mjs", str(port), AUDIENCE],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    wait_until(lambda: process.stdout is not None and "ready" in process.stdout.readline())
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture(scope="session")
def service() -> Signer:
    """A service with a key pair of its own, known to the policy by its public key."""
    return Signer("ES256", "service-1", name="service")


@pytest.fixture(scope="session")
def rsa_service() -> Signer:
    """A service with an RSA key, since Authlib signs client assertions with RSA keys only."""
    return Signer("RS256", None, name="rsa-service")


@pytest.fixture(scope="session")
def agent() -> Signer:
    """An agent with a key pair of its own. The TypeScript SDK of MCP names no `kid`."""
    return Signer("ES256", None, name="agent")


@pytest.fixture(scope="session")
def github() -> Signer:
    """What GitHub signs the identities of its jobs with."""
    return Signer("RS256", "github-1", name="github")


@pytest.fixture(scope="session")
def sts() -> Signer:
    """What AWS STS signs web identity tokens with."""
    return Signer("ES384", "sts-1", name="sts")


STS_ISSUER = "https://00000000-0000-0000-0000-000000000001.tokens.sts.global.api.aws"


def private_jwk(signer: Signer) -> dict[str, Any]:
    key: ec.EllipticCurvePrivateKey = signer.private
    d = key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8)
    return {**signer.jwk(), "d": b64(d)}


ACCOUNT = "/https:~1~1sts.amazonaws.com~1/aws_account"


def entry(issuer: str, signer: Signer) -> dict[str, Any]:
    """An issuer whose keys are in the policy."""
    keys = {"jwks": signer.jwks()}
    return {"issuer": issuer, "audiences": [AUDIENCE], "algorithms": [signer.algorithm], "keys": keys}


@pytest.fixture(scope="session")
def issuers(
    provider: str, pool: Pool, service: Signer, rsa_service: Signer, agent: Signer, github: Signer, sts: Signer
) -> dict[str, Any]:
    people = {"preset": "cognito-id", "issuer": pool.issuer, "audiences": [pool.client_id], "keys": {"jwks": pool.jwks}}
    discovered = {"algorithms": ["RS256"], "keys": "discovery"}
    return {
        "local": {"issuer": "${ISSUER_URL}", "audiences": ["${AUDIENCE}"], **discovered},
        "service": entry(SERVICE, service),
        "rsa-service": entry(RSA_SERVICE, rsa_service),
        "agent": entry(AGENT, agent),
        "provider": {"issuer": provider, "audiences": [AUDIENCE], **discovered, "typ": ["at+jwt"]},
        "people": people,
        "machines": {**people, "preset": "cognito-access"},
        "github": {"preset": "github-actions", "audiences": [AUDIENCE], "keys": {"jwks": github.jwks()}},
        "aws": {"preset": "aws-sts", "issuer": STS_ISSUER, "audiences": [AUDIENCE], "keys": {"jwks": sts.jwks()}},
    }


# Whose callers, which of them, and a scope of their own, so that a test sees whose rule gave it.
GRANTS: list[tuple[str, dict[str, Any], str]] = [
    ("local", {"groups": {"any": ["editors"]}}, "assemblies:write"),
    ("service", {"sub": SERVICE}, "queues:read"),
    ("rsa-service", {"sub": RSA_SERVICE}, "queues:read"),
    ("provider", {"scope": {"words": ["jobs"]}}, "billing:read"),
    ("people", {"cognito:username": "alice"}, "templates:read"),
    ("machines", {"username": "alice"}, "dam:read"),
    ("github", {"repository_id": "4711", "ref": "refs/heads/main"}, "templates:write"),
    ("aws", {ACCOUNT: "123456789012", "sub": {"like": "arn:aws:iam::123456789012:role/*"}}, "auth_keys:read"),
    ("aws-iam", {"account": "123456789012"}, "smart_cdn:sign"),
]

# By the credential that signs them.
SIGNATURES: dict[str, Any] = {
    "uploads": {
        "assembly": {"avatar": {"template_id": "0" * 32, "max_size": "1MB", "fields": {"album": {"caller": True}}}}
    },
    "pictures": {"smart_cdn": {"thumbnail": {"template": "serve-thumb", "under": ["users"], "params": {"w": [100]}}}},
    "files": {"storage": {"own": {"prefix": ["users", {"claim": "sub"}], "scopes": ["read"]}}},
}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, issuers: dict[str, Any]) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("clients")
    rules = [
        {"name": name, "issuer": name, "when": when, "scopes": ["assemblies:read", scope]}
        for name, when, scope in GRANTS
    ]
    rules.append({"name": "agent", "issuer": "agent", "when": {"sub": AGENT}, "preset": "mcp-agent"})
    of_login = {"issuer": "local", "when": {"groups": {"any": ["agents"]}}}
    rules.append({"name": "agents of people", **of_login, "preset": "mcp-agent", "aud": ["mcp"]})
    credentials: dict[str, Any] = {"default": {}} | {name: {"workspace": "sandbox"} for name in SIGNATURES}
    visitors = {"issuer": "local", "when": {"groups": {"any": ["visitors"]}}}
    rules += [{"name": name, **visitors, "credential": name, "sign": sign} for name, sign in SIGNATURES.items()]
    # JSON is YAML.
    document = {"version": 1, "credentials": credentials, "issuers": issuers, "rules": rules}
    (folder / "policy.yaml").write_text(json.dumps(document))
    with running_stack(folder / "stack", folder / "policy.yaml", workers=1) as running:
        yield running


def listed_assemblies(stack: Client) -> dict[str, Any]:
    """The list of Assemblies as the sandbox gives it to an editor."""
    status, listed = stack.api2.by(stack.post().body["access_token"], "GET", "/assemblies")
    assert status == 200
    return dict(listed)
