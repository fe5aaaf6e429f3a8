"""Rules for every room that import-linter cannot see: sizes, names, the law of numbers, calls that leave the machine.

Each ``check_`` function takes a source and answers with sentences, empty when nothing is wrong.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.architecture.source import call_name, docstring_nodes, imported_modules, strings, untranslated

__all__ = [
    "MAX_BODY_LINES",
    "MAX_MODULE_LINES",
    "check_caches",
    "check_door",
    "check_name",
    "check_rates",
    "check_size",
    "check_sql_rates",
    "check_translated",
    "check_words",
]

MAX_MODULE_LINES = 400
MAX_BODY_LINES = 50

DRAWERS = frozenset({"utils", "util", "helpers", "helper", "common", "core", "services", "service", "base", "misc", "shared", "tools"})

DOOR_IMPORTS = {
    "app.py": frozenset({"streamlit", "ui"}),
    "server.py": frozenset({"anyio", "starlette", "streamlit", "ui"}),
    "manage.py": frozenset({"geodata", "governance", "pipeline", "rich", "storage", "typer"}),
}
"""What a top-level module may import beside the standard library; import-linter does not read modules outside packages."""

FORBIDDEN_WORDS = {
    "use_container_width": "deprecated; say width='stretch'",
    "mapbox": "gone from plotly, and it asks a tile server",
    "write_image": "asks for a script host outside; charts are exported by the browser",
    "map_style=None": "pydeck then asks a tile server; say map_provider=None",
}

ALLOWED_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]", "www.w3.org"})
"""Loopback, and the name space of SVG, which nobody ever asks."""

HOST = re.compile(r"(?:https?|wss?):(?:\\?/){2}([^/\s:'\"<>)]+)|['\"(]//([a-z0-9-]+\.[a-z0-9.-]+)", re.IGNORECASE)

RATE_ALIAS = re.compile(r"\bas\s+[\"`]?\w*_rate\b", re.IGNORECASE)
RATE_SET = re.compile(r"\b\w*_rate[\"`]?\s*=\s*[^,;]*/", re.IGNORECASE)
RATIO = re.compile(r"/|\b(avg|mean|divide)\s*\(", re.IGNORECASE)
CLAUSE = re.compile(r"\b(select|with|from|where)\b", re.IGNORECASE)


def check_size(source: str) -> list[str]:
    """Modules and function bodies that outgrew a screen; a docstring is not counted as body."""
    found = []
    if (count := len(source.splitlines())) > MAX_MODULE_LINES:
        found.append(f"{count} lines, a module has at most {MAX_MODULE_LINES}: split it by noun")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (lines := _body_lines(node)) > MAX_BODY_LINES:
            found.append(f"line {node.lineno}: the body of {node.name} has {lines} lines, at most {MAX_BODY_LINES} are allowed: it is two functions")
    return found


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1 if body else 0


def check_name(path: Path) -> list[str]:
    """Folders and modules named for "not decided"."""
    parts = [part.removesuffix(".py").lower() for part in path.parts]
    return [f"{path}: {part!r} names no noun of the field" for part in parts if DRAWERS & set(part.strip("_").split("_"))]


def check_rates(source: str) -> list[str]:
    """Divisions that make a name, column, keyword or key ending in ``_rate``; only governance/rates.py divides."""
    found = []
    for node in ast.walk(ast.parse(source)):
        for name, value in _named_values(node):
            if name.endswith("_rate") and _divides(value):
                found.append(f"line {node.lineno}: {name} is divided here; rates are divided in governance/rates.py alone")
    return found


def _named_values(node: ast.AST) -> list[tuple[str, ast.AST]]:
    """Every name the node gives to a value, with the value."""
    found: list[tuple[str, ast.AST]] = []
    match node:
        case ast.Assign(targets=targets, value=value):
            found = [(_target_name(target), value) for target in targets]
        case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
            found = [(_target_name(target), value)]
        case ast.AugAssign(target=target):
            found = [(_target_name(target), node)]
        case ast.Call(keywords=keywords):
            found = [(keyword.arg or "", keyword.value) for keyword in keywords]
        case ast.Dict(keys=keys, values=values):
            found = [(str(key.value), value) for key, value in zip(keys, values, strict=True) if isinstance(key, ast.Constant)]
        case ast.FunctionDef(name=name):
            found = [(name, item.value) for item in ast.walk(node) if isinstance(item, ast.Return) and item.value]
    return found


def _target_name(target: ast.AST) -> str:
    match target:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case ast.Subscript(slice=ast.Tuple(elts=[*_, ast.Constant(value=str(name))])):
            return name
    return ""


def _divides(value: ast.AST) -> bool:
    return any(
        (isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div | ast.FloorDiv))
        or (isinstance(node, ast.Call) and call_name(node) in {"div", "truediv", "divide", "true_divide", "floordiv"})
        for node in ast.walk(value)
    )


def check_sql_rates(source: str) -> list[str]:
    """Ratios made in SQL: reads return counts."""
    return [f"line {line}: a ratio is named _rate in SQL; reads return counts" for line, text in strings(ast.parse(source)) if _makes_a_ratio(text)]


def _makes_a_ratio(sql: str) -> bool:
    return bool(RATE_SET.search(sql)) or any(RATIO.search(_column_before(sql[: match.start()])) for match in RATE_ALIAS.finditer(sql))


def _column_before(text: str) -> str:
    """The expression that ends the text: back to the comma or opening parenthesis that encloses it, or to its clause."""
    depth = 0
    for position in range(len(text) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(text[position], 0)
        if depth < 0 or (depth == 0 and text[position] == ","):
            return text[position + 1 :]
    return CLAUSE.split(text)[-1]


def check_words(source: str) -> list[str]:
    """Words and hosts that would leave the machine or are deprecated; comments and docstrings may name them."""
    tree = ast.parse(source)
    docstrings = docstring_nodes(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) in docstrings:
            node.value = ""
    code = ast.unparse(tree)
    found = [f"{word}: {reason}" for word, reason in FORBIDDEN_WORDS.items() if word in code]
    hosts = {(match.group(1) or match.group(2)).lower() for match in HOST.finditer(code)}
    return found + [f"{host}: no outside host is ever asked" for host in sorted(hosts - ALLOWED_HOSTS)]


def check_caches(source: str) -> list[str]:
    """Streamlit caches without a bound on their entries."""
    tree = ast.parse(source)
    bounded = {
        id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call) and any(keyword.arg in {"max_entries", "max_size"} for keyword in node.keywords)
    }
    cleared = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "clear"}
    return [
        f"line {node.lineno}: {node.attr} without max_entries grows for ever"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"cache_data", "cache_resource"} and id(node) not in bounded | cleared
    ]


def check_translated(source: str) -> list[str]:
    """Chinese literals that gettext would never see."""
    markers = frozenset({"_", "N_", "ngettext"})
    return [f"line {line}: {text!r} is outside _(), or inside an f-string that gettext cannot find" for line, text in untranslated(ast.parse(source), markers)]


def check_door(source: str, allowed: frozenset[str], standard_library: frozenset[str]) -> list[str]:
    """Imports a top-level module may not make."""
    known = allowed | standard_library
    return [
        f"line {line}: imports {module!r}; allowed are {', '.join(sorted(allowed))}"
        for line, module in imported_modules(ast.parse(source))
        if module not in known
    ]
