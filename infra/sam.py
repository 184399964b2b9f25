"""`sam build`, for what is deployed and for the stack on one machine."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAM = Path(sys.executable).with_name("sam")
# Variables of the make that runs us. The build runs make too, and they would change its behaviour.
_OF_MAKE = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}


class BuildFailed(Exception):
    """`sam build` failed; the message contains its output."""


def build(folder: Path, **variables: str) -> None:
    """Build the artifacts of all functions into `folder`, with these variables for functions/Makefile.

    Raises BuildFailed.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in _OF_MAKE}
    with tempfile.NamedTemporaryFile() as first:
        done = subprocess.run(
            [SAM, "build", "--template", "template.yaml", "--build-dir", folder],
            cwd=ROOT,
            # sam build demands a Region, although it sends no request to AWS.
            env={
                "AWS_DEFAULT_REGION": "us-east-1",
                **inherited,
                "SAM_CLI_TELEMETRY": "0",
                "BUILD_FIRST": first.name,
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise BuildFailed(f"sam build failed:\n{done.stdout}{done.stderr}")
