"""Messages at a place of a file, as GitHub and GitLab show them beside its lines."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from token_broker.policy.document import Problem

# GitLab's words for the levels that GitHub names.
_SEVERITIES = {"error": "critical", "warning": "minor", "notice": "info"}


def annotate(level: str, file: str, problem: Problem) -> str:
    """The line by which a runner of GitHub shows a message. `level`: error, warning or notice.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    return f"::{level} file={file},line={problem.line},col={problem.column}::{escape(str(problem))}\n"


def escape(text: str) -> str:
    """The text on one line: a second one could be another command to the runner."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def report_quality(file: str, problems: Iterable[tuple[str, Problem]]) -> str:
    """The Code Quality report by which GitLab shows messages, each with its level.

    https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
    """
    return json.dumps([_describe(level, file, problem) for level, problem in problems], indent=2) + "\n"


def _describe(level: str, file: str, problem: Problem) -> dict[str, Any]:
    # By the fingerprint GitLab tells which messages are new. The line is not in it: lines move.
    known_by = f"{file}\n{problem}"
    return {
        "description": str(problem),
        "check_name": problem.code or "trust-policy",
        "fingerprint": hashlib.sha256(known_by.encode()).hexdigest(),
        "severity": _SEVERITIES[level],
        "location": {"path": file, "lines": {"begin": problem.line}},
    }
