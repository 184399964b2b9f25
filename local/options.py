"""What `make up` and `make demo` are told, and where the stack will be."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from local.artifact import ROOT
from local.processes import free_ports, is_free

AUDIENCE = "transloadit-token-broker"
# Pages on this machine that may call the broker from a browser.
ORIGINS = "http://localhost:8080,http://127.0.0.1:8080"


class BadOption(Exception):
    """An option that cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Consecutive from PORT, or any that are free."""

    broker: int
    invoke: int
    api2: int
    issuer: int
    aws: int

    @classmethod
    def choose(cls, first: int) -> "Ports":
        """Five ports from `first`; 0 takes free ones. Raises BadOption for one that is busy."""
        ports = cls(*free_ports(5)) if first == 0 else cls(*range(first, first + 5))
        for name, port in asdict(ports).items():
            if not is_free(port):
                raise BadOption(f"port {port} (for {name}) is busy; choose another run of five with PORT=4100")
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
        """From make's variables. Raises BadOption."""
        upstream = environment.get("UPSTREAM") or None
        key, secret = environment.get("TRANSLOADIT_KEY"), environment.get("TRANSLOADIT_SECRET")
        if upstream and not (key and secret):
            raise BadOption("UPSTREAM needs TRANSLOADIT_KEY and TRANSLOADIT_SECRET in the environment")
        return cls(
            policy=(ROOT / environment.get("POLICY", "local/policy.yaml")).resolve(),
            first_port=_number(environment, "PORT", 3000, 65_000),
            workers=_number(environment, "WORKERS", 2, 64),
            upstream=upstream.rstrip("/") if upstream else None,
            auth_key=key if upstream else None,
            auth_secret=secret if upstream else None,
        )


def _number(environment: Mapping[str, str], name: str, default: int, highest: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdigit() or int(text) > highest:
        raise BadOption(f"{name}={text}: write a whole number up to {highest}")
    return int(text)
