"""What `make up` decides before anything runs: addresses, credentials and names, and the compiled policy."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from token_broker.files import read
from token_broker.policy.compiler import Compiled, compile_policy
from token_broker.policy.target import local_of

from local.aws.account import Principal
from local.emulator.pool import INVOKE_PATH
from local.sandbox.model import DEFAULT_WORKSPACE, new_id
from local.sandbox.smart_cdn import PREFIX
from local.stack.options import Options, Ports

PLAN_FILE = "stack.plan.json"  # the supervisor renames it to stack.json once the stack is ready


@dataclass(frozen=True, slots=True)
class StackInfo:
    """The members of `.local/stack.json`: the addresses of the parts, and the credentials of this stack.

    `cdn_url` is where Smart CDN serves a Workspace, whose name belongs in place of `{workspace}`, as in the `baseUrl`
    of Transloadit's own signer. `workspace` is the policy's name for it. `durable_url` is where durable executions and
    state machines may be served, to which the AWS endpoint hands them on; nothing listens there at first. The Auth Keys
    of `uploads` and `pictures` are the sandbox's; they are empty for another upstream.
    """

    broker_url: str
    invoke_url: str
    token_function_url: str
    assembly_function_url: str
    api2_url: str
    cdn_url: str
    issuer_url: str
    site_url: str
    audience: str
    aws_endpoint_url: str
    durable_url: str
    aws_access_key_id: str
    aws_secret_access_key: str = field(repr=False)
    auth_key: str
    auth_secret: str = field(repr=False)
    workspace: str
    uploads_auth_key: str
    pictures_auth_key: str
    policy: str
    log_dir: str

    @property
    def principal(self) -> Principal:
        return Principal(self.aws_access_key_id, self.aws_secret_access_key)


def plan(options: Options, ports: Ports, folder: Path) -> StackInfo:
    """Choose the addresses of all parts, and make the credentials and the audience of this stack."""
    here, principal = "http://127.0.0.1", Principal.new()
    return StackInfo(
        broker_url=f"{here}:{ports.broker}",
        invoke_url=f"{here}:{ports.invoke}{INVOKE_PATH}",
        token_function_url=f"{here}:{ports.invoke}{INVOKE_PATH.replace('function/', 'TokenFunction/')}",
        assembly_function_url=f"{here}:{ports.invoke}{INVOKE_PATH.replace('function/', 'AssemblyFunction/')}",
        api2_url=options.upstream or f"{here}:{ports.api2}",
        cdn_url="https://{workspace}.tlcdn.com" if options.upstream else f"{here}:{ports.api2}{PREFIX}/{{workspace}}",
        issuer_url=f"{here}:{ports.issuer}",
        site_url=f"{here}:{ports.site}",
        # A website that knew the audience could get a JWT from the local issuer, and with it a token in its visitor's
        # name. So it is random.
        audience=f"local-{secrets.token_hex(8)}",
        aws_endpoint_url=f"{here}:{ports.aws}",
        durable_url=f"{here}:{ports.durable}",
        aws_access_key_id=principal.access_key,
        aws_secret_access_key=principal.secret_key,
        auth_key=options.auth_key or secrets.token_hex(16),
        auth_secret=options.auth_secret or secrets.token_hex(20),
        workspace=DEFAULT_WORKSPACE,
        uploads_auth_key="" if options.upstream else new_id(),
        pictures_auth_key="" if options.upstream else new_id(),
        policy=str(options.policy),
        log_dir=str(folder / "log"),
    )


def write_plan(info: StackInfo, folder: Path) -> None:
    """Write the plan for `serve`. It contains the Auth Secret, so only the folder's owner may read it."""
    file = folder / PLAN_FILE
    file.unlink(missing_ok=True)
    # The mode is set at creation. With `chmod` afterwards another user could open the file in between.
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(asdict(info), out, indent=2)


def compiled(info: StackInfo) -> Compiled:
    """Compile the policy for this stack. Raises PolicyErrors, BadFile."""
    text = read(Path(info.policy), "POLICY names the trust policy")
    return compile_policy(text, info.policy, local_of(asdict(info)))
