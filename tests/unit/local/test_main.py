"""The command of the stack on one machine, before it has loaded the stack."""

import os
import subprocess
import sys
from pathlib import Path

from infra.sam import ROOT


def test_ctrl_c_while_the_stack_s_modules_are_loaded_ends_without_a_traceback(tmp_path: Path) -> None:
    # In place of a signal, whose moment no test could choose: a module that the stack imports is interrupted.
    (tmp_path / "urllib3.py").write_text("raise KeyboardInterrupt\n")
    done = subprocess.run(
        [sys.executable, "-m", "local", "demo", "--directory", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "\nstopped\n", "")
