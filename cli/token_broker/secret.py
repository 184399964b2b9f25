"""`token-broker secret put`: stores Auth Key and Auth Secret, from a prompt or a file, in Secrets Manager."""

import argparse
import getpass
import json
import sys
from pathlib import Path
from typing import Any

from broker.base.errors import BrokerFault
from broker.token.credentials import parse_secret

from token_broker import account
from token_broker.account import NotLoggedIn
from token_broker.deployment import Environment, Unreadable, read_environment
from token_broker.files import BadFile, read


def register(parts: Any) -> None:
    secret = parts.add_parser("secret", help="put the Auth Key and Auth Secret into Secrets Manager")
    actions = secret.add_subparsers(required=True, metavar="ACTION")
    put = actions.add_parser("put", help="a new version of a credential's secret, asked for or from a file")
    put.add_argument("--env", required=True, metavar="NAME", help="the environment of samconfig.toml")
    put.add_argument("--credential", default="default", metavar="NAME", help="which of the policy's; default: default")
    put.add_argument("--file", type=Path, help='{"auth_key": …, "auth_secret": …}; - reads it from standard input')
    put.set_defaults(run=_put)


def _put(arguments: argparse.Namespace) -> int:
    """Exit status 0: stored; 2: could not be stored."""
    try:
        # Imported here: no other command needs AWS, and the command can be installed without its library.
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        sys.stderr.write("token-broker: this needs boto3; install transloadit-token-broker[aws]\n")
        return 2
    try:
        environment = read_environment(arguments.env, Path())
        arn = _find_arn(environment, arguments.credential)
        text = _read_text(arguments.file)
        secrets = account.client("secretsmanager", environment)
        version = secrets.put_secret_value(SecretId=arn, SecretString=text)["VersionId"]
    except (Unreadable, NotLoggedIn, BadFile, BrokerFault, BotoCoreError, ClientError, ValueError) as error:
        sys.stderr.write(f"token-broker: {error}\n")
        return 2
    sys.stdout.write(f"version {version} of {arn}; the broker has it within five minutes\n")
    return 0


def _find_arn(environment: Environment, credential: str) -> str:
    """The ARN of the credential's secret: the one in the environment, else the one that its stack made."""
    if credential not in environment.secrets:
        known = ", ".join(environment.secrets)
        raise Unreadable(f"the environment `{environment.name}` has no credential `{credential}`; it has {known}")
    named = environment.secrets[credential]
    return named or account.read_outputs(environment)["SecretArn"]


def _read_text(file: Path | None) -> str:
    """Read the secret's text from a prompt or file. It is never an argument: every user of the machine can read
    arguments, and the shell's history keeps them.

    Raises BadFile; ValueError if there is no terminal; BrokerFault if the function could not read the text.
    """
    if file is None and not sys.stdin.isatty():
        raise ValueError("no terminal to ask in; `--file -` reads the pair from standard input")
    if file is None:
        pair = {"auth_key": input("Auth Key: ").strip(), "auth_secret": getpass.getpass("Auth Secret: ").strip()}
    else:
        pair = json.loads(read(file, "--file names the secret's text"))
    text = json.dumps(pair)
    parse_secret(text)
    return text
