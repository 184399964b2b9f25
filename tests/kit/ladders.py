"""A package's ladder of imports, as its docstring draws it: a higher module may import a lower one."""

import ast
import re
from pathlib import Path
from types import ModuleType


def modules(package: ModuleType) -> dict[str, Path]:
    """The files of the package's modules by their dotted names within it, such as `token.mint`."""
    folder = Path(package.__path__[0])
    files = [file for file in sorted(folder.rglob("*.py")) if not file.stem.startswith("__")]
    return {".".join(file.relative_to(folder).with_suffix("").parts): file for file in files}


def room(module: str) -> str:
    """The name of a module on the ladder: its own at the top of the package, else that of its folder."""
    return module.partition(".")[0]


def rungs(package: ModuleType) -> dict[str, int]:
    """The rung of each room, the entry points on 0."""
    lines = [line for line in (package.__doc__ or "").splitlines() if line.startswith("    ")]
    words = [re.split(r"\s{4,}", line.strip())[0].split() for line in lines]
    return {name: rung for rung, names in enumerate(words) for name in names}


def imports(file: Path, package: ModuleType) -> set[str]:
    """The modules of the package that a file imports."""
    named = modules(package)
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{package.__name__}."):
            inside = str(node.module).removeprefix(package.__name__).removeprefix(".")
            found |= {inside, *(f"{inside}.{alias.name}".removeprefix(".") for alias in node.names)} & named.keys()
    return found


def upward(package: ModuleType, module: str) -> set[str]:
    """The imports of a module from a higher rung."""
    rung = rungs(package)
    found = imports(modules(package)[module], package)
    return {name for name in found if rung[room(name)] < rung[room(module)]}
