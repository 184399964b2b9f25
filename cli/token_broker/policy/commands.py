"""`token-broker policy check` and `policy compile`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from token_broker.policy.compiler import Compiled, compile_policy
from token_broker.policy.document import PolicyErrors


def register(parts: Any) -> None:
    policy = parts.add_parser("policy", help="check and compile a trust policy")
    actions = policy.add_subparsers(required=True, metavar="ACTION")
    check = actions.add_parser("check", help="check a policy and run its tests")
    check.add_argument("file", nargs="?", type=Path, default=Path("policy.yaml"))
    check.set_defaults(run=_check)
    compile_ = actions.add_parser("compile", help="check a policy and write what the function reads")
    compile_.add_argument("file", nargs="?", type=Path, default=Path("policy.yaml"))
    compile_.add_argument("--output", required=True, type=Path)
    compile_.set_defaults(run=_compile)


def _check(arguments: argparse.Namespace) -> int:
    return _report(arguments.file, None)


def _compile(arguments: argparse.Namespace) -> int:
    return _report(arguments.file, arguments.output)


def _report(file: Path, output: Path | None) -> int:
    try:
        compiled = compile_policy(file.read_text("utf-8"), str(file))
        if output is not None:
            output.write_bytes(compiled.data)
    except PolicyErrors as errors:
        sys.stderr.write(f"{errors}\n")
        return 1
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"token-broker: {error}\n")
        return 2
    sys.stdout.write(f"{file}: {_summary(compiled)}\n")
    return 0


def _summary(compiled: Compiled) -> str:
    tests = f"{_counted(compiled.tests, 'test')} passed" if compiled.tests else "no tests"
    things = f"{_counted(compiled.rules, 'rule')}, {_counted(compiled.issuers, 'issuer')}"
    return f"{things}, {tests}, digest {compiled.digest[:12]}"


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
