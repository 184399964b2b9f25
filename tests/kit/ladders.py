"""A package's ladder of imports, as its docstring draws it: a module may import only modules below it."""

import ast
import re
from pathlib import Path
from types import ModuleType


def modules(package: ModuleType) -> dict[str, Path]:
    folder = Path(package.__path__[0])
    return {file.stem: file for file in sorted(folder.glob("*.py")) if not file.stem.startswith("__")}


def rungs(package: ModuleType) -> dict[str, int]:
    """Each module's rung, the entry points on 0."""
    lines = [line for line in (package.__doc__ or "").splitlines() if line.startswith("    ")]
    words = [re.split(r"\s{4,}", line.strip())[0].split() for line in lines]
    return {name: rung for rung, names in enumerate(words) for name in names}


def imports(file: Path, package: ModuleType) -> set[str]:
    """The modules of the package that one of them imports."""
    named = modules(package)
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == package.__name__:
            found |= {alias.name for alias in node.names} & named.keys()
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package.__name__}."):
            found.add(str(node.module).removeprefix(f"{package.__name__}."))
    return found


def upward(package: ModuleType, module: str) -> set[str]:
    """The modules of a higher rung that a module imports."""
    rung = rungs(package)
    return {name for name in imports(modules(package)[module], package) if rung[name] < rung[module]}
