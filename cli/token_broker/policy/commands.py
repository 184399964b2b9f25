"""`token-broker policy check`, `explain` and `compile`."""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from broker.net import BoundedHttp
from broker.policy import load

from token_broker.deployment import Environment, Unreadable, read_environment
from token_broker.policy import explain
from token_broker.policy.compiler import Compiled, compile_policy
from token_broker.policy.document import PolicyErrors, Problem, read
from token_broker.policy.online import report_keys


def register(parts: Any) -> None:
    policy = parts.add_parser("policy", help="check, explain and compile a trust policy")
    actions = policy.add_subparsers(required=True, metavar="ACTION")
    check = actions.add_parser("check", help="check a policy, say what it most likely does not mean, run its tests")
    _add_file(check)
    check.add_argument("--format", choices=["text", "json", "github"], default="text", help="github: CI annotations")
    check.add_argument("--strict", action="store_true", help="exit with 1 for warnings, too")
    check.add_argument("--online", action="store_true", help="fetch each issuer's keys as the function would, too")
    check.set_defaults(run=_check)
    explain.register(actions)
    compile_ = actions.add_parser("compile", help="check a policy and write what the function reads")
    _add_file(compile_)
    compile_.add_argument("--output", required=True, type=Path)
    compile_.set_defaults(run=_compile)


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", type=Path, help="the policy; default: the environment's, or policy.yaml")
    parser.add_argument("--env", metavar="NAME", help="the environment of samconfig.toml that the policy is for")


def _named(arguments: argparse.Namespace) -> tuple[Path, Environment | None]:
    """The policy file, and the environment that it is for. Raises Unreadable."""
    environment = read_environment(arguments.env, Path()) if arguments.env else None
    return arguments.file or (environment.policy if environment else Path("policy.yaml")), environment


def _check(arguments: argparse.Namespace) -> int:
    """0: nothing wrong; 1: an error, or a warning with --strict; 2: the file cannot be read."""
    errors, keys = list[Problem](), dict[str, int]()
    try:
        file, environment = _named(arguments)
        text = file.read_text("utf-8")
        compiled = compile_policy(text, str(file), environment=environment)
        warnings = compiled.warnings
        if arguments.online:
            errors, keys = _looked_up(text, str(file), compiled)
    except PolicyErrors as found:
        compiled, errors, warnings = None, found.problems, found.warnings
    except (OSError, UnicodeError, Unreadable) as error:
        return _unreadable(error)
    _WRITERS[arguments.format](str(file), errors, warnings, compiled, keys)
    return int(bool(errors) or (arguments.strict and bool(warnings)))


def _looked_up(text: str, file: str, compiled: Compiled) -> tuple[list[Problem], dict[str, int]]:
    """What is wrong with the issuers' keys as they are now, and the number of usable ones by issuer."""
    policy, document = load(compiled.data), read(text, file)
    reports = list(report_keys(policy, BoundedHttp(time.time, allow_loopback=policy.is_local), time.time))
    errors = [
        Problem(*document.place(("issuers", report.entry), of_key=True), f"`{report.entry}`: {report.problem}")
        for report in reports
        if report.problem is not None
    ]
    return errors, {report.entry: report.usable for report in reports}


def _compile(arguments: argparse.Namespace) -> int:
    try:
        file, environment = _named(arguments)
        compiled = compile_policy(file.read_text("utf-8"), str(file), environment=environment)
        arguments.output.write_bytes(compiled.data)
    except PolicyErrors as errors:
        _write_text(str(file), errors.problems, errors.warnings, None, {})
        return 1
    except (OSError, UnicodeError, Unreadable) as error:
        return _unreadable(error)
    _write_text(str(file), [], compiled.warnings, compiled, {})
    return 0


def _unreadable(error: Exception) -> int:
    sys.stderr.write(f"token-broker: {error}\n")
    return 2


def _write_text(
    file: str, errors: list[Problem], warnings: tuple[Problem, ...], compiled: Compiled | None, keys: Mapping[str, int]
) -> None:
    for each in errors:
        sys.stderr.write(f"{file}:{each.line}:{each.column}: error: {each}\n")
    for said in warnings:
        sys.stderr.write(f"{file}:{said.line}:{said.column}: warning: {said}\n")
    if compiled is not None:
        sys.stdout.write(_summary(file, compiled, keys))


def _write_json(
    file: str, errors: list[Problem], warnings: tuple[Problem, ...], compiled: Compiled | None, keys: Mapping[str, int]
) -> None:
    levels = (("error", errors), ("warning", warnings))
    found = [(level, e.line, e.column, e.code or None, e.message) for level, group in levels for e in group]
    names = ("level", "line", "column", "code", "message")
    problems = [dict(zip(names, each, strict=True)) for each in found]
    report = {"file": file, "digest": compiled.digest if compiled else None, "problems": problems, "keys": keys}
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


def _write_github(
    file: str, errors: list[Problem], warnings: tuple[Problem, ...], compiled: Compiled | None, keys: Mapping[str, int]
) -> None:
    """https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands"""
    for each in errors:
        sys.stdout.write(f"::error file={file},line={each.line},col={each.column}::{_escaped(str(each))}\n")
    for said in warnings:
        sys.stdout.write(f"::warning file={file},line={said.line},col={said.column}::{_escaped(str(said))}\n")
    if compiled is not None:
        sys.stdout.write(_summary(file, compiled, keys))


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


_WRITERS = {"text": _write_text, "json": _write_json, "github": _write_github}


def _summary(file: str, compiled: Compiled, keys: Mapping[str, int]) -> str:
    tests = f"{_counted(compiled.tests, 'test')} passed" if compiled.tests else "no tests"
    things = f"{_counted(compiled.rules, 'rule')}, {_counted(compiled.issuers, 'issuer')}"
    lines = [f"`{entry}` has {_counted(count, 'usable key')}" for entry, count in keys.items() if count]
    return "".join(f"{file}: {line}\n" for line in (*lines, f"{things}, {tests}, digest {compiled.digest[:12]}"))


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
