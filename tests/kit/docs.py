"""Finds the commands in the pages of the docs."""

import re

from infra.sam import ROOT

PROGRAMS = r"(?:git|make|curl|aws|gh|sam|umask|rm|echo|printf|export|openssl|\.venv/bin/[a-z-]+)"
IS_COMMAND = re.compile(rf"(?:[A-Z_]+=\S+ )*{PROGRAMS} |[A-Z_]+=\$\(")


def commands(page: str) -> list[str]:
    """The command lines of a page, in their order: of its indented blocks, and spans of code that are one."""
    text = (ROOT / page).read_text().replace("\\\n", "")
    # An `sh` block is docs/sandbox.md's, which tests/integration/sandbox/test_run.py runs.
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^ {4}(\S.*)$|`([^`\n]+)`", text, re.MULTILINE)
    lines = [re.sub(r" {2,}", " ", re.sub(r"\s+# .*", "", block or span)) for block, span in found]
    return [line for line in lines if IS_COMMAND.match(line)]


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in this language."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    return [str(block) for block in found]
