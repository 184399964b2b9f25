"""The options of `make up` and `make demo`, and the ports of the stack."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from broker.base.net import LOOPBACK

from infra.sam import ROOT
from local.aws.account import make_arn
from local.command import BadOption, read_number
from local.loopback.processes import free_ports, is_free

# Pages of these origins may call the broker from a browser.
ORIGINS = "http://localhost:8080,http://127.0.0.1:8080"
# The template's parameters for the local stack: every optional part is on.
PARAMETERS = {
    "AllowedOrigins": ORIGINS,
    "IamCallers": "yes",
    "InvokeCaller": "pipeline",
    "SharedCache": "yes",
    "AssemblyCaller": "originals",
    "AssemblyTemplate": "encode",
    "AssemblyBuckets": "originals",
    "DurableFunctionArns": make_arn("lambda", "function:pipeline"),
    "StateMachineArns": make_arn("states", "stateMachine:pipeline"),
}


@dataclass(frozen=True, slots=True)
class Ports:
    """The stack's ports: seven consecutive ones from PORT, or any free ones.

    Nothing of the stack listens at `durable`: there AWS's local runner may serve Lambda's durable executions, and
    moto's interpreter state machines.
    """

    broker: int
    invoke: int
    api2: int
    issuer: int
    aws: int
    site: int
    durable: int

    @classmethod
    def choose(cls, first: int, ours: Collection[int] = ()) -> "Ports":
        """Seven ports from `first`, or any free ones if `first` is 0. Raises BadOption for a busy port.

        `ours` are the ports of the stack that will be stopped; they may be busy.
        """
        ports = cls(*free_ports(7)) if first == 0 else cls(*range(first, first + 7))
        for name, port in asdict(ports).items():
            if port not in ours and not is_free(port):
                raise BadOption(f"port {port} (for {name}) is busy; choose another run of seven with PORT=4100")
        return ports


@dataclass(frozen=True, slots=True)
class Options:
    policy: Path
    first_port: int
    workers: int
    upstream: str | None
    auth_key: str | None
    auth_secret: str | None = field(repr=False)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Options":
        """Read the options from make's variables. Raises BadOption."""
        upstream = environment.get("UPSTREAM") or None
        key, secret = environment.get("TRANSLOADIT_KEY"), environment.get("TRANSLOADIT_SECRET")
        if upstream and not (key and secret):
            raise BadOption("UPSTREAM needs TRANSLOADIT_KEY and TRANSLOADIT_SECRET in the environment")
        return cls(
            policy=(ROOT / (environment.get("POLICY") or "local/policy.yaml")).resolve(),
            first_port=read_number(environment, "PORT", 3000, 65_000),
            workers=read_number(environment, "WORKERS", 2, 64, lowest=1),
            upstream=_read_upstream(upstream) if upstream else None,
            auth_key=key if upstream else None,
            auth_secret=secret if upstream else None,
        )


def _read_upstream(text: str) -> str:
    """An origin by https, or by http on this machine: the Auth Secret is sent there. Raises BadOption."""
    parts = urlsplit(text)
    is_here = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not (parts.scheme == "https" or is_here) or not parts.hostname or parts.path not in ("", "/"):
        raise BadOption(f"UPSTREAM={text}: write an origin such as https://api2.transloadit.com")
    return text.rstrip("/")
