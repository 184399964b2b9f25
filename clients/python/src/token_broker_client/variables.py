"""The broker and the identity that variables of the environment name, so that a program needs no code for them."""

from collections.abc import Mapping

from token_broker_client.aws import sts
from token_broker_client.errors import TokenError
from token_broker_client.identities import GITHUB_TOKEN, GITHUB_URL, environment, file, github
from token_broker_client.proof import Identity

BROKER_URL = "TRANSLOADIT_BROKER_URL"
IDENTITY_FILE = "TRANSLOADIT_IDENTITY_TOKEN_FILE"
IDENTITY = "TRANSLOADIT_IDENTITY_TOKEN"
# What stands for the caller's identity, and must not reach a program that has the bearer token.
IDENTITY_VARIABLES = (IDENTITY_FILE, IDENTITY, GITHUB_URL, GITHUB_TOKEN)


def find_url(environ: Mapping[str, str]) -> str:
    """The broker's URL. Raises TokenError (`bad_url`)."""
    url = environ.get(BROKER_URL)
    if not url:
        raise TokenError("bad_url", f"no broker: set {BROKER_URL} to its URL, such as https://tokens.example.com")
    return url


def find_identity(environ: Mapping[str, str]) -> Identity:
    """The identity of the two variables, else of the GitHub Actions job, else of the Lambda function.

    Empty variables count as absent. Raises TokenError (`no_identity`, `two_identities`).
    """
    if environ.get(IDENTITY_FILE) and environ.get(IDENTITY):
        raise TokenError("two_identities", f"both {IDENTITY_FILE} and {IDENTITY} are set; unset one of them")
    if environ.get(IDENTITY_FILE):
        return file(environ[IDENTITY_FILE])
    if environ.get(IDENTITY):
        return environment(IDENTITY)
    if environ.get(GITHUB_URL) and environ.get(GITHUB_TOKEN):
        return github()
    if environ.get("AWS_LAMBDA_FUNCTION_NAME"):
        return sts()
    is_github = " (in GitHub Actions give the job `permissions: id-token: write`)"
    raise TokenError(
        "no_identity",
        f"no identity: set {IDENTITY_FILE} to a file with a JWT, or {IDENTITY} to a JWT"
        + (is_github if environ.get("GITHUB_ACTIONS") else ""),
    )
