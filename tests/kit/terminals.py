"""Runs a command in a terminal and answers its questions."""

import os
import pty
import select
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


def answer_questions(
    command: Sequence[str | Path],
    answers: Sequence[tuple[str, str]],
    *,
    folder: Path,
    variables: Mapping[str, str],
    seconds: float = 200,
) -> tuple[int, str]:
    """Exit status and all that the terminal showed; each answer is typed once its question stands there.

    A terminal and not a pipe: the password prompt opens the terminal itself, and shows nothing of what is typed.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execvpe(command[0], [str(word) for word in command], dict(variables))
    waiting, shown, seen, ends_at = list(answers), "", 0, time.time() + seconds
    while time.time() < ends_at:
        if waiting and (place := shown.find(waiting[0][0], seen)) >= 0:
            seen = place + len(waiting[0][0])
            os.write(terminal, waiting.pop(0)[1].encode() + b"\n")
        if not select.select([terminal], [], [], 0.5)[0]:
            continue
        try:
            data = os.read(terminal, 65_536)
        except OSError:  # the other end is closed
            data = b""
        if not data:
            break
        shown += data.decode("utf-8", "replace")
    else:
        os.kill(pid, 9)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    assert not waiting, f"never asked: {waiting[0][0]!r}\n{shown}"
    return status, shown
