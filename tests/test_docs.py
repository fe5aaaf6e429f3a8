"""The documents agree with the code: glossary, policy table, commands; and they name no machine."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
from enum import Enum, StrEnum
from pathlib import Path

import pytest

from governance.policy import PolicyEntry, load_policy
from governance.rates import COUNTS, RATE_COUNTS
from governance.tickets import FIELDS
from storage.lake import LAKE_COLUMNS
from tests.architecture.source import CJK, ROOT, call_name, product_files

COLUMNS = ("中文", "identifier", "English", "definition", "unit and range", "source")
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
STATUS = {"published": "已公布", "assumed": "假定"}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def glossary_rows() -> list[list[str]]:
    lines = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    tables = [cells(line) for line in lines if line.startswith("|")]
    return [row for row in tables if row[0] != COLUMNS[0] and not set("".join(row)) <= set("-: ")]


ROWS = glossary_rows()
CHINESE = {row[0] for row in ROWS}
BY_IDENTIFIER = {name: row for row in ROWS for name in re.findall(r"`([^`]+)`", row[1])}


def enumerations() -> list[type[StrEnum]]:
    """Every enumeration of the domain rooms and of the scope."""
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in product_files(ROOT, "governance", "geodata", "forecasts")]
    found = {
        member
        for name in [*modules, "storage.scope"]
        for _, member in inspect.getmembers(importlib.import_module(name.removesuffix(".__init__")), inspect.isclass)
        if issubclass(member, StrEnum) and member is not StrEnum
    }
    return sorted(found, key=lambda item: item.__name__)


def test_glossary_has_the_agreed_columns():
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    heads = [tuple(cells(line)) for line in text.splitlines() if line.startswith("| 中文")]
    assert heads
    assert set(heads) == {COLUMNS}


def test_no_glossary_row_is_empty_or_broken():
    assert [row for row in ROWS if len(row) != len(COLUMNS) or not all(row) or "informed by" in row[3]] == []


def test_no_glossary_row_stands_twice():
    keys = [(row[0], row[1]) for row in ROWS]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("item", FIELDS, ids=lambda item: item.name)
def test_field_has_a_glossary_row(item):
    assert item.name in BY_IDENTIFIER
    assert item.chinese in {row[0] for row in ROWS if f"`{item.name}`" in row[1]}


@pytest.mark.parametrize("name", [*COUNTS, *RATE_COUNTS, *LAKE_COLUMNS])
def test_column_has_a_glossary_row(name):
    assert name in BY_IDENTIFIER


@pytest.mark.parametrize("rate", RATE_COUNTS)
def test_rate_row_names_numerator_and_denominator(rate):
    top, base = RATE_COUNTS[rate]
    definition = BY_IDENTIFIER[rate][3]
    assert top in definition
    assert base in definition


MEMBERS = [(f"{item.__name__}.{member.name}", member.value) for item in enumerations() for member in item]


@pytest.mark.parametrize(("name", "value"), MEMBERS, ids=[name for name, _ in MEMBERS])
def test_enumeration_member_has_a_glossary_row(name, value):
    assert name in BY_IDENTIFIER
    assert f"`{json.dumps(value)}`" in BY_IDENTIFIER[name][4]


def test_screen_names_of_enumerations_are_the_glossary_names():
    labels: dict[Enum, str] = importlib.import_module("ui.words").LABELS
    shown = {f"{type(member).__name__}.{member.name}": text for member, text in labels.items()}
    assert {name: text for name, text in shown.items() if name not in BY_IDENTIFIER or BY_IDENTIFIER[name][0] != text} == {}


def test_page_titles_have_a_glossary_row():
    pages = importlib.import_module("ui.catalog").PAGES
    assert [page.title for page in pages if page.title not in CHINESE] == []


def test_measures_on_screen_have_a_glossary_row():
    measures = importlib.import_module("ui.measures").MEASURES
    assert {key: item.name for key, item in measures.items() if item.name not in CHINESE} == {}
    assert {key: item.name for key, item in measures.items() if key in {*COUNTS, *RATE_COUNTS} and BY_IDENTIFIER[key][0] != item.name} == {}


def test_glossary_is_what_the_screen_reads():
    """The page of definitions shows the very same rows."""
    shown = importlib.import_module("ui.measures").glossary_table()
    assert shown.iloc[:, 0].tolist() == [row[0] for row in ROWS]


def test_catalog_lists_every_page_file():
    listed = [page.file for page in importlib.import_module("ui.catalog").PAGES]
    assert sorted(listed) == [path.relative_to(ROOT).as_posix() for path in product_files(ROOT, "pages")]


@pytest.mark.parametrize("name", ["read", "loaded", "updated", "unchanged", "quarantined", "unplaced"])
def test_batch_outcome_has_a_glossary_row(name):
    assert name in BY_IDENTIFIER


def policy_row(entry: PolicyEntry) -> str:
    value = json.dumps(entry.value, ensure_ascii=False)
    until = entry.effective_to.isoformat() if entry.effective_to else "今"
    days = f"{entry.effective_from.isoformat()} 至 {until}"
    return f"| `{entry.rule}` | {entry.chinese} | `{value}` | {entry.unit or '—'} | {days} | {STATUS[entry.status]} | {entry.source} |"


def test_policy_table_is_the_policy_file():
    """On failure, put the expected rows into the last table of docs/methods.md."""
    lines = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8").splitlines()
    rules = {entry.rule.split(".")[0] for entry in load_policy().entries}
    written = [line for line in lines if re.match(r"\| `(" + "|".join(rules) + r")\.", line)]
    expected = [policy_row(entry) for entry in load_policy().entries]
    assert written == expected, "\n".join(["docs/methods.md should say:", *expected])


def command_names(source: str) -> list[str]:
    """Commands of a Typer program: functions under ``@<app>.command(...)``, named by its first argument or by themselves."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            if call_name(decorator) != "command":
                continue
            given = [item.value for item in getattr(decorator, "args", []) if isinstance(item, ast.Constant)]
            found.append(str(given[0]) if given else node.name.strip("_").replace("_", "-"))
    return found


def test_command_names_are_read_from_the_source():
    source = "@app.command()\ndef take_stock(): ...\n@app.command('check')\ndef check_store(): ...\n@other\ndef rest(): ..."
    assert command_names(source) == ["take-stock", "check"]


@pytest.mark.skipif(not (ROOT / "manage.py").exists(), reason="there is no command line yet")
def test_every_command_is_documented():
    commands = command_names((ROOT / "manage.py").read_text(encoding="utf-8"))
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    assert commands
    assert [name for name in commands if f"manage.py {name}" not in text] == []


def test_every_make_target_is_known():
    """What the documents tell people to type exists."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {name for path in DOCUMENTS for name in re.findall(r"`make ([a-z]+)`", path.read_text(encoding="utf-8"))}
    assert named
    assert named <= targets


MACHINE = re.compile(
    r"(?<![\w.<*])/(work|root|home|tmp|opt|mnt|Users|private|workspace)\b"
    r"|index-url|find-links|\blocalhost:\d|\b(?:10|192\.168|172\.\d+)\.\d+\.\d+"
)
SETTINGS = ("Makefile", "pyproject.toml", ".ci/run", "requirements.txt", "requirements-dev.txt", "requirements.in", "requirements-dev.in")
FILES = [*DOCUMENTS, *(ROOT / name for name in SETTINGS)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_document_names_no_machine(path):
    text = path.read_text(encoding="utf-8").replace("--no-emit-index-url --no-emit-find-links", "")
    assert MACHINE.findall(text) == []


@pytest.mark.parametrize("text", ["see /work/main", "`/home/me/data`", "pip --index-url x", "http://localhost:8501", "host 10.1.2.3"])
def test_machine_rule_fails_on_a_planted_path(text):
    assert MACHINE.search(text)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path):
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8"))]
    local = [target for target in targets if target and not re.match(r"[a-z]+:", target)]
    assert [target for target in local if not (path.parent / target).exists()] == []


def test_folders_of_the_readme_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    map_of_folders = next(block for block in text.split("```") if "governance/" in block)
    folders = re.findall(r"([a-z]+)/(?= |$)", map_of_folders, re.MULTILINE)
    assert [name for name in folders if not Path(ROOT / name).is_dir()] == []


def test_chinese_comes_first_in_the_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert CJK.search(text[:200])
    assert text.index("## In English") > len(text) // 2
