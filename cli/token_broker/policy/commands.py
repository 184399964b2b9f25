"""`token-broker policy check` and `compile`; `explain` and `diff` have modules of their own."""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from broker.base.net import BoundedHttp

from token_broker import files, terminal
from token_broker.files import BadFile
from token_broker.policy import diff, explain, target
from token_broker.policy.annotations import annotate
from token_broker.policy.compiler import compile_policy
from token_broker.policy.document import PolicyErrors, Problem, read
from token_broker.policy.online import report_keys
from token_broker.policy.target import LocalAlone, Stack, Target
from token_broker.terminal import Row

_FILE = "the trust policy; default: policy.yaml"


def register(parts: Any) -> None:
    policy = parts.add_parser("policy", help="check, explain, compare and compile a trust policy")
    actions = policy.add_subparsers(required=True, metavar="ACTION")
    check = actions.add_parser("check", help="check a policy, say what it most likely does not mean, run its tests")
    check.add_argument("file", nargs="?", type=Path, metavar="FILE", help=_FILE)
    check.add_argument("--format", choices=list(_WRITERS), default="text", help="github: CI annotations")
    check.add_argument("--strict", action="store_true", help="exit with 1 for warnings, too")
    check.add_argument("--online", action="store_true", help="fetch each issuer's keys as the function would, too")
    target.add_options(check)
    check.set_defaults(run=_check)
    explain.register(actions)
    diff.register(actions)
    compile_ = actions.add_parser("compile", help="check a policy and write what the function reads")
    compile_.add_argument("file", nargs="?", type=Path, metavar="FILE", help=_FILE)
    compile_.add_argument("--output", required=True, type=Path, metavar="FILE", help="where to write it")
    target.add_environment(compile_)
    compile_.set_defaults(run=_compile)


def _check(arguments: argparse.Namespace) -> int:
    """Exit status 0: no errors; 1: an error, or a warning with --strict. Raises BadFile, Unreadable."""
    path, environment = target.choose_policy(arguments)
    file, errors, keys, hint = str(path), list[Problem](), dict[str, int](), ""
    try:
        found = target.compile_file(path, Stack.of(arguments.stack), environment, local=arguments.local)
        warnings = found.compiled.warnings
        if arguments.online:
            errors, keys = _fetch_keys(found)
    except PolicyErrors as wrong:
        found, errors, warnings = None, wrong.problems, wrong.warnings
        hint = f"{wrong.hint}\n" if isinstance(wrong, LocalAlone) else ""
    _WRITERS[arguments.format](file, errors, warnings, found, keys)
    sys.stderr.write(hint)
    return int(bool(errors) or (arguments.strict and bool(warnings)))


def _fetch_keys(found: Target) -> tuple[list[Problem], dict[str, int]]:
    """Fetch the issuers' keys. Returns the problems, and the number of usable keys by issuer."""
    policy, document = found.compiled.policy, read(found.text, found.file)
    reports = list(report_keys(policy, BoundedHttp(time.time, allow_loopback=policy.is_local), time.time))
    errors = [
        Problem(*document.find_place(("issuers", report.entry), of_key=True), f"`{report.entry}`: {report.problem}")
        for report in reports
        if report.problem is not None
    ]
    return errors, {report.entry: report.usable for report in reports}


def _compile(arguments: argparse.Namespace) -> int:
    """0: written; 1: the policy is wrong. Raises BadFile, Unreadable."""
    path, environment = target.choose_policy(arguments)
    file, text = str(path), files.read(path, target.FILE)
    try:
        compiled = compile_policy(text, file, environment=environment)
        arguments.output.write_bytes(compiled.data)
    except PolicyErrors as errors:
        _write_text(file, errors.problems, errors.warnings, None, {})
        return 1
    except OSError as error:
        raise BadFile(str(error)) from error
    _write_text(file, [], compiled.warnings, Target(file, text, compiled), {})
    return 0


def _write_text(
    file: str, errors: list[Problem], warnings: tuple[Problem, ...], found: Target | None, keys: Mapping[str, int]
) -> None:
    levels = (("error", errors), ("warning", warnings))
    terminal.write_problems(
        [Row(level, f"{file}:{each.line}:{each.column}", str(each)) for level, group in levels for each in group]
    )
    if found is not None:
        sys.stdout.write(_summary(found, keys))


def _write_json(
    file: str, errors: list[Problem], warnings: tuple[Problem, ...], found: Target | None, keys: Mapping[str, int]
) -> None:
    levels = (("error", errors), ("warning", warnings))
    levelled = [(level, e.line, e.column, e.code or None, e.message) for level, group in levels for e in group]
    names = ("level", "line", "column", "code", "message")
    problems = [dict(zip(names, each, strict=True)) for each in levelled]
    digest, is_local = (found.compiled.policy.digest, found.is_local) if found else (None, None)
    report = {"file": file, "digest": digest, "local": is_local, "problems": problems, "keys": keys}
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


def _write_github(
    file: str, errors: list[Problem], warnings: tuple[Problem, ...], found: Target | None, keys: Mapping[str, int]
) -> None:
    for each in errors:
        sys.stdout.write(annotate("error", file, each))
    for warning in warnings:
        sys.stdout.write(annotate("warning", file, warning))
    if found is not None:
        sys.stdout.write(_summary(found, keys))


_WRITERS = {"text": _write_text, "json": _write_json, "github": _write_github}


def _summary(found: Target, keys: Mapping[str, int]) -> str:
    compiled = found.compiled
    tests = f"{_count(compiled.tests, 'test')} passed" if compiled.tests else "no tests"
    things = f"{_count(compiled.rules, 'rule')}, {_count(compiled.issuers, 'issuer')}"
    digest = compiled.policy.digest[:12]
    lines = [f"`{entry}` has {_count(count, 'usable key')}" for entry, count in keys.items() if count]
    return "".join(f"{found}: {line}\n" for line in (*lines, f"{things}, {tests}, digest {digest}"))


def _count(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
