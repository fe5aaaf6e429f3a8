"""What the rules below share: the product's files, and questions about a syntax tree."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

ROOMS = ("governance", "geodata", "forecasts", "storage", "pipeline", "ui", "pages")
DOORS = ("app.py", "server.py", "manage.py")

CJK = re.compile("[\u3400-\u9fff\uf900-\ufaff]")

Docstrings = set[int]


def product_files(root: Path = ROOT, *rooms: str) -> list[Path]:
    """Python files of the given rooms, or of the whole product with its doors."""
    chosen = rooms or ROOMS
    files = [path for room in chosen for path in sorted((root / room).rglob("*.py"))]
    doors = [] if rooms else [root / door for door in DOORS if (root / door).exists()]
    return files + doors


def docstring_nodes(tree: ast.AST) -> Docstrings:
    """Identities of the constants that are docstrings, including the strings below an assignment that document it."""
    found: Docstrings = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for item in body if isinstance(body, list) else []:
            if isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant) and isinstance(item.value.value, str):
                found.add(id(item.value))
    return found


def strings(tree: ast.AST) -> list[tuple[int, str]]:
    """Line and text of every string that is not a docstring; the pieces of an f-string are joined by ``{}``."""
    skipped = docstring_nodes(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped.update(id(piece) for piece in node.values)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            found.append((node.lineno, "".join(piece.value if isinstance(piece, ast.Constant) else "{}" for piece in node.values)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            found.append((node.lineno, node.value))
    return found


def call_name(node: ast.AST) -> str:
    """Last part of what is called or used as decorator: ``st.fragment(...)`` gives ``fragment``."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def imported_modules(tree: ast.AST) -> list[tuple[int, str]]:
    """Line and top-level name of every import; a relative import gives its dots."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.extend((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.append((node.lineno, "." * node.level or (node.module or "").split(".")[0]))
    return found


def untranslated(tree: ast.AST, markers: frozenset[str]) -> list[tuple[int, str]]:
    """Chinese literals that gettext would never see.

    A literal is seen when it is an argument of one of the ``markers``; an f-string never is, because the
    catalogue holds the text before its values are filled in.
    """
    seen = docstring_nodes(tree)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and call_name(node) in markers:
            seen.update(id(argument) for argument in node.args if isinstance(argument, ast.Constant))
        elif isinstance(node, ast.JoinedStr):
            seen.update(id(piece) for piece in node.values)
            text = "".join(piece.value for piece in node.values if isinstance(piece, ast.Constant))
            if CJK.search(text):
                found.append((node.lineno, text))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in seen and CJK.search(node.value):
            found.append((node.lineno, node.value))
    return found
