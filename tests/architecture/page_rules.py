"""The rules of a page file: it arranges what ``ui`` offers and decides nothing.

``check_page`` reads the source only; a page is never run here. Every rule was seen to fail on a bad page in
``tests/test_architecture.py``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.architecture.source import call_name, imported_modules, strings, untranslated

__all__ = ["ALLOWED_IMPORTS", "MAX_LINES", "check_folder", "check_page"]

MAX_LINES = 150
ALLOWED_IMPORTS = frozenset({"__future__", "streamlit", "ui"})
FRAME_WORK = frozenset({"groupby", "merge", "pivot", "pivot_table", "resample", "aggregate", "agg", "rolling"})
CACHES = frozenset({"cache_data", "cache_resource", "lru_cache", "cache"})
ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult)
SQL = re.compile(
    r"\bselect\b.+\bfrom\b|\binsert\s+into\b|\bdelete\s+from\b|\bupdate\b.+\bset\b|\bgroup\s+by\b|\border\s+by\b|\bwhere\b.+[=<>]|\bcreate\s+(table|view)\b",
    re.IGNORECASE | re.DOTALL,
)
COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(rgb|hsl)a?\(|:(red|green|blue|orange|violet|yellow|gray|grey|primary)(-background|-badge)?\[")

Finding = tuple[int, str]


def check_page(source: str) -> list[str]:
    """What is wrong with a page's source, each as ``line n: sentence``; empty when nothing is."""
    tree = ast.parse(source)
    found = sorted({finding for rule in RULES for finding in rule(tree, source)})
    return [f"line {line}: {sentence}" for line, sentence in found]


def check_folder(pages: Path) -> list[str]:
    """Files lying flat in ``pages``: Streamlit would run them without ``app.py``, past the role gate."""
    return [f"{path.name}: belongs into pages/<group>/" for path in sorted(pages.glob("*.py"))]


def _docstring(tree: ast.Module, source: str) -> Iterator[Finding]:
    if not ast.get_docstring(tree):
        yield 1, "a page opens with a docstring: the question it answers, and for whom"


def _length(tree: ast.Module, source: str) -> Iterator[Finding]:
    if (count := len(source.splitlines())) > MAX_LINES:
        yield MAX_LINES, f"{count} lines, a page has at most {MAX_LINES}"


def _imports(tree: ast.Module, source: str) -> Iterator[Finding]:
    for line, module in imported_modules(tree):
        if module not in ALLOWED_IMPORTS:
            yield line, f"imports {module!r}; a page imports streamlit and ui only"


def _definitions(tree: ast.Module, source: str) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.Lambda):
            yield node.lineno, "no class and no lambda on a page"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "fragment" not in map(call_name, node.decorator_list):
            yield node.lineno, f"def {node.name}: only functions decorated with st.fragment"


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_text(node.left)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)) or call_name(node) == "_"


def _arithmetic(tree: ast.Module, source: str) -> Iterator[Finding]:
    for node in ast.walk(tree):
        joins_text = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod) and _is_text(node.left)
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ARITHMETIC) and not joins_text:
            yield node.lineno, f"arithmetic ({type(node.op).__name__}); numbers are made in the domain rooms"


def _frame_work(tree: ast.Module, source: str) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in FRAME_WORK:
            yield node.lineno, f".{node.attr}: frames are grouped and joined below the pages"


def _sql(tree: ast.Module, source: str) -> Iterator[Finding]:
    for line, text in strings(tree):
        if SQL.search(text):
            yield line, "SQL in a string; SQL lives in storage"


def _thresholds(tree: ast.Module, source: str) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        for side in (node.left, *node.comparators):
            value = side.operand if isinstance(side, ast.UnaryOp) else side
            if isinstance(value, ast.Constant) and type(value.value) in (int, float):
                yield node.lineno, f"compares with the number {ast.unparse(side)}; thresholds are policy"


def _colours(tree: ast.Module, source: str) -> Iterator[Finding]:
    for line, text in strings(tree):
        if match := COLOUR.search(text):
            yield line, f"colour {match.group()!r}; colours are named in ui/theme.py"


def _caches(tree: ast.Module, source: str) -> Iterator[Finding]:
    for node in ast.walk(tree):
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if name in CACHES:
            yield node.lineno, f"{name}: caching belongs to ui/loaders"


def _state(tree: ast.Module, source: str) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "session_state":
            yield node.lineno, "session_state: selection lives in the URL and belongs to ui/filters"


def _try(tree: ast.Module, source: str) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Try | ast.TryStar):
            yield node.lineno, "try: a page does not catch"


def _literals(tree: ast.Module, source: str) -> Iterator[Finding]:
    for line, text in untranslated(tree, frozenset({"_"})):
        yield line, f"{text!r} is outside _(), or inside an f-string that gettext cannot find"


RULES: tuple[Callable[[ast.Module, str], Iterator[Finding]], ...] = (
    _docstring,
    _length,
    _imports,
    _definitions,
    _arithmetic,
    _frame_work,
    _sql,
    _thresholds,
    _colours,
    _caches,
    _state,
    _try,
    _literals,
)
