"""Finds the policy of a command, and compiles it for a deployment or for the stack on this machine."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from token_broker.deployment import Environment, read_environment
from token_broker.files import read
from token_broker.policy.compiler import Compiled, Local, compile_policy
from token_broker.policy.document import PolicyErrors
from token_broker.stack_file import STACK_FILE, STACK_HELP, NoStack, read_stack

DEFAULT = Path("policy.yaml")
FILE = "FILE names the trust policy"
# The default addresses of `make up`, with which a policy for the stack is checked while no stack is up.
_NO_STACK = {
    "api2_url": "http://127.0.0.1:3002",
    "cdn_url": "http://127.0.0.1:3002/smart-cdn/{workspace}",
    "issuer_url": "http://127.0.0.1:3003",
    "aws_endpoint_url": "http://127.0.0.1:3004",
    "audience": "transloadit-token-broker",
}


class LocalAlone(PolicyErrors):
    """The policy cannot be deployed, but is valid for the stack on this machine."""

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.hint}"

    @property
    def hint(self) -> str:
        return f"{self.file}: good for the local stack alone; --local checks it for that"


@dataclass(frozen=True, slots=True)
class Target:
    """A compiled policy. `note` says which stack it is for, and whether that stack is up; empty for a deployment."""

    file: str
    text: str
    compiled: Compiled
    note: str = ""
    is_local: bool = False

    def __str__(self) -> str:
        return f"{self.file}, {self.note}" if self.note else self.file


@dataclass(frozen=True, slots=True)
class Stack:
    """The stack of a stack.json. If `is_up` is false, it is the one that `make up` would start."""

    members: Mapping[str, str]
    folder: Path
    is_up: bool

    @classmethod
    def of(cls, file: Path) -> "Stack":
        try:
            return cls(read_stack(file), file.parent, is_up=True)
        except NoStack:
            return cls(_NO_STACK, file.parent, is_up=False)

    def policy(self) -> Path | None:
        """The path of the stack's policy, relative to the current folder."""
        return Path(os.path.relpath(self.members["policy"])) if self.is_up else None

    def runs(self, file: Path) -> bool:
        return self.is_up and file.resolve() == Path(self.members["policy"])

    def compile(self, text: str, file: Path) -> Target:
        """Compile the policy for this stack. Raises PolicyErrors."""
        compiled = compile_policy(text, str(file), local_of(self.members))
        return Target(str(file), text, compiled, f"{self._note(file, compiled)}, not to deploy", is_local=True)

    def _note(self, file: Path, compiled: Compiled) -> str:
        if not self.runs(file):
            return "for the local stack"
        running = self.folder / "artifact/policy.json"
        is_same = not running.exists() or running.read_bytes() == compiled.data
        changed = "" if is_same else " as it was before you changed it"
        return f"for the local stack at {self.members['broker_url']}, which runs it{changed}"


def add_environment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--env", metavar="NAME", help="the environment of samconfig.toml that the policy is for")


def choose_policy(arguments: argparse.Namespace, default: Path = DEFAULT) -> tuple[Path, Environment | None]:
    """The policy that FILE or --env names, else `default`; and the environment of --env. Raises Unreadable."""
    environment = read_environment(arguments.env, Path()) if arguments.env else None
    return arguments.file or (environment.policy if environment else default), environment


def add_options(parser: argparse.ArgumentParser) -> None:
    add_environment(parser)
    parser.add_argument("--local", action="store_true", help="the policy is for the stack on this machine")
    parser.add_argument("--stack", type=Path, default=STACK_FILE, metavar="FILE", help=STACK_HELP)


def local_of(stack: Mapping[str, str]) -> Local:
    """The members that the compiler adds to a local policy, from the members of stack.json."""
    variables = {"ISSUER_URL": stack["issuer_url"], "AUDIENCE": stack["audience"]}
    return Local(stack["api2_url"], stack["aws_endpoint_url"], variables, stack["cdn_url"])


def compile_file(file: Path, stack: Stack, environment: Environment | None, *, local: bool) -> Target:
    """Compile the policy in `file`: for the stack if `local`, else for a deployment (in this environment, if named).

    If no environment is named, and the policy cannot be deployed but is the one that the stack runs, it is compiled for
    the stack, and the target's note says so. Raises PolicyErrors, LocalAlone, BadFile.
    """
    text = read(file, FILE)
    if local:
        return stack.compile(text, file)
    try:
        return Target(str(file), text, compile_policy(text, str(file), environment=environment))
    except PolicyErrors as errors:
        # With a named environment the question is about its deployment, and the stack's answer could pass for that.
        if environment is not None:
            raise
        try:
            for_stack = stack.compile(text, file)
        except PolicyErrors:
            raise errors from None
        if stack.runs(file):
            return for_stack
        raise LocalAlone(errors.file, errors.problems, errors.warnings) from None
