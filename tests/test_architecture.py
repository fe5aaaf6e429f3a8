"""The house rules of docs/architecture.md, each applied to the tree and each seen to fail on a planted violation."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture import code_rules, page_rules
from tests.architecture.source import DOORS, ROOMS, ROOT, imported_modules, product_files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINTER = PROJECT["tool"]["importlinter"]
CONTRACTS = {contract["id"]: contract for contract in LINTER["contracts"]}
STANDARD_LIBRARY = frozenset(sys.stdlib_module_names)

PAGES = product_files(ROOT, "pages")
FILES = product_files(ROOT)
SCREEN = [*product_files(ROOT, "ui", "pages"), *(ROOT / door for door in ("app.py", "server.py") if (ROOT / door).exists())]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


# Import contracts


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    script = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(config_filename='pyproject.toml', no_cache=True))"
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"}
    return subprocess.run([sys.executable, "-c", script], cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=120)


def copy_of_tree(target: Path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", target)
    for package in LINTER["root_packages"]:
        shutil.copytree(ROOT / package, target / package, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def test_import_contracts_hold():
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


PLANTED_IMPORTS = [
    ("layers", "storage", "import ui"),
    ("layers", "storage", "import pipeline"),
    ("layers", "governance", "import storage"),
    ("layers", "geodata", "import pipeline"),
    ("layers", "forecasts", "import storage"),
    ("domains", "geodata", "import governance"),
    ("domains", "governance", "import geodata"),
    ("domains", "governance", "import forecasts"),
    ("domains", "forecasts", "import governance"),
    ("domains", "forecasts", "import geodata"),
    ("ui-pipeline", "ui", "import pipeline"),
    ("ui-pipeline", "pipeline", "import ui"),
    ("store-libraries", "ui", "import duckdb"),
    ("store-libraries", "pipeline", "import pyarrow"),
    ("store-libraries", "governance", "from deltalake import DeltaTable"),
    ("store-libraries", "pipeline", "import fastexcel"),
    ("store-libraries", "ui", "from sqlalchemy import select"),
    ("store-libraries", "forecasts", "import duckdb"),
    ("screen-libraries", "storage", "import streamlit"),
    ("screen-libraries", "governance", "import plotly.graph_objects"),
    ("screen-libraries", "pipeline", "import pydeck"),
    ("screen-libraries", "forecasts", "import streamlit"),
    ("geometry-libraries", "ui", "import shapely"),
    ("geometry-libraries", "storage", "from geopandas import GeoDataFrame"),
    ("geometry-libraries", "forecasts", "import shapely"),
    ("no-network", "pipeline", "import requests"),
    ("no-network", "ui", "import httpx"),
    ("no-network", "forecasts", "import requests"),
]


@pytest.mark.parametrize(("contract", "package", "statement"), PLANTED_IMPORTS, ids=lambda value: value.replace(" ", "-"))
def test_contract_fails_on_a_planted_import(tmp_path, contract, package, statement):
    tree = copy_of_tree(tmp_path)
    (tree / package / "planted.py").write_text(f'"""Planted."""\n\n{statement}\n', encoding="utf-8")

    result = lint_imports(tree)

    assert result.returncode == 1, result.stdout + result.stderr
    assert re.search(rf"^{re.escape(CONTRACTS[contract]['name'])} BROKEN$", result.stdout, re.MULTILINE), result.stdout


def test_every_contract_has_a_planted_violation():
    assert {contract for contract, _, _ in PLANTED_IMPORTS} == set(CONTRACTS)


def test_no_import_is_ignored():
    """An exception in a contract is a design that changed without saying so."""
    assert "ignore_imports" not in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert "exclude_type_checking_imports" not in LINTER


def test_contracts_name_only_packages_that_exist():
    """A contract on a name that does not exist passes for ever."""
    layers = [name.strip() for layer in CONTRACTS["layers"]["layers"] for name in layer.split("|")]
    named = {*LINTER["root_packages"], *layers}
    for contract in CONTRACTS.values():
        named.update(contract.get("source_modules", []), contract.get("modules", []))
    assert [name for name in sorted(named) if not (ROOT / name / "__init__.py").exists()] == []
    assert set(layers) == set(LINTER["root_packages"])


def test_every_room_is_under_contract():
    packages = {room for room in ROOMS if (ROOT / room / "__init__.py").exists()}
    assert packages == set(LINTER["root_packages"])


# The doors: top-level modules


@pytest.mark.parametrize("door", [door for door in DOORS if (ROOT / door).exists()])
def test_door_imports(door):
    assert code_rules.check_door(read(ROOT / door), code_rules.DOOR_IMPORTS[door], STANDARD_LIBRARY) == []


@pytest.mark.parametrize(
    ("door", "statement"),
    [
        ("app.py", "import storage"),
        ("app.py", "from pipeline import ingest"),
        ("app.py", "import duckdb"),
        ("server.py", "import pipeline"),
        ("server.py", "import governance"),
        ("manage.py", "import streamlit"),
        ("manage.py", "import ui"),
        ("manage.py", "import duckdb"),
    ],
)
def test_door_rule_fails_on_a_planted_import(door, statement):
    assert code_rules.check_door(statement, code_rules.DOOR_IMPORTS[door], STANDARD_LIBRARY) != []


def test_every_top_level_module_is_a_known_door():
    assert {path.name for path in ROOT.glob("*.py")} <= set(DOORS)


# Pages


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_page_keeps_the_rules(path):
    assert page_rules.check_page(read(path)) == []


def test_no_page_lies_flat():
    assert page_rules.check_folder(ROOT / "pages") == []


def test_flat_page_is_found(tmp_path):
    (tmp_path / "admin.py").write_text("", encoding="utf-8")
    (tmp_path / "overview").mkdir()
    (tmp_path / "overview" / "cockpit.py").write_text("", encoding="utf-8")
    assert page_rules.check_folder(tmp_path) == ["admin.py: belongs into pages/<group>/"]


GOOD_PAGE = '''"""How is the city today? For leaders."""

import streamlit as st

from ui import filters, loaders
from ui.words import _

st.title(_("驾驶舱"))
selection = filters.period()
rows = loaders.volume(selection)
if rows.empty:
    st.info(_("没有数据"))
    st.stop()


@st.fragment
def detail():
    st.dataframe(rows, width="stretch")


detail()
st.caption(_("共 %(count)s 件") % {"count": rows.attrs["count"]} + " " + rows.attrs["cutoff"])
'''


def test_a_good_page_passes():
    assert page_rules.check_page(GOOD_PAGE) == []


BAD_PAGES = {
    "no docstring": ("import streamlit as st\n", "docstring"),
    "imports storage": ("import storage", "imports 'storage'"),
    "imports pandas": ("from pandas import DataFrame", "imports 'pandas'"),
    "relative import": ("from . import other", "imports '.'"),
    "too long": ("\n" * 151, "at most 150"),
    "def": ("def total(rows):\n    return rows", "def total"),
    "def in a fragment": ("@st.fragment\ndef part():\n    def inner():\n        pass", "def inner"),
    "class": ("class Card:\n    pass", "no class"),
    "lambda": ("pick = lambda row: row", "no lambda"),
    "division": ("share = part / whole", "arithmetic (Div)"),
    "product": ("percent = share * factor", "arithmetic (Mult)"),
    "sum": ("total = a + b", "arithmetic (Add)"),
    "difference": ("delta = a - b", "arithmetic (Sub)"),
    "power": ("area = side ** two", "arithmetic (Pow)"),
    "remainder": ("odd = number % two", "arithmetic (Mod)"),
    "whole division": ("half = number // two", "arithmetic (FloorDiv)"),
    "running total": ("total += row", "arithmetic (Add)"),
    "groupby": ("rows.groupby('district')", ".groupby"),
    "merge": ("rows.merge(other)", ".merge"),
    "sql": ("text = 'select count(*) from mart.volume'", "SQL"),
    "sql fragment": ("text = 'GROUP BY district'", "SQL"),
    "threshold": ("hot = rate < 0.9", "number 0.9"),
    "whole threshold": ("hot = 100 <= volume", "number 100"),
    "negative threshold": ("cold = change < -1", "number -1"),
    "hex colour": ("colour = '#c00000'", "colour '#c00000'"),
    "rgb colour": ("colour = 'rgba(0, 0, 0, 1)'", "colour 'rgba('"),
    "coloured markdown": ("st.markdown(':red[x]')", "colour ':red['"),
    "cache": ("@st.fragment\n@st.cache_data\ndef part():\n    pass", "cache_data"),
    "session state": ("st.session_state['role'] = 'leader'", "session_state"),
    "try": ("try:\n    pass\nexcept ValueError:\n    pass", "does not catch"),
    "chinese outside gettext": ("st.title('驾驶舱')", "outside _()"),
    "chinese f-string": ("st.title(_(f'共{count}件'))", "outside _()"),
    "chinese key": ("rows['区']", "outside _()"),
}


@pytest.mark.parametrize("case", BAD_PAGES)
def test_page_rule_fails_on_a_planted_violation(case):
    body, expected = BAD_PAGES[case]
    source = body if case == "no docstring" else f'"""A question? For leaders."""\n{body}\n'
    found = page_rules.check_page(source)
    assert len(found) == 1, found
    assert expected in found[0]


# Sizes and names


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_size(path):
    assert code_rules.check_size(read(path)) == []


def test_size_rule_fails_on_planted_violations():
    long_body = "def count():\n" + "    step = 1\n" * 51
    documented = 'def count():\n    """Doc.\n' + "\n    line\n" * 60 + '    """\n' + "    step = 1\n" * 50
    nested = "class Book:\n    async def read(self):\n" + "        step = 1\n" * 51
    assert code_rules.check_size("\n" * 400) == []
    assert "401 lines" in code_rules.check_size("\n" * 401)[0]
    assert "51 lines" in code_rules.check_size(long_body)[0]
    assert "51 lines" in code_rules.check_size(nested)[0]
    assert code_rules.check_size(documented) == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_module_name_is_a_noun_of_the_field(path):
    assert code_rules.check_name(path.relative_to(ROOT)) == []


@pytest.mark.parametrize(
    "name", ["utils.py", "helpers.py", "common/ids.py", "core/x.py", "services/x.py", "base.py", "misc.py", "date_utils.py", "_helpers.py", "utils/__init__.py"]
)
def test_name_rule_fails_on_a_planted_drawer(name):
    assert code_rules.check_name(Path("storage") / name) != []


@pytest.mark.parametrize("name", ["baseline.py", "database.py", "score.py", "ingest_files.py"])
def test_name_rule_spares_nouns(name):
    assert code_rules.check_name(Path("storage") / name) == []


# The law of numbers


@pytest.mark.parametrize("path", [path for path in FILES if name_of(path) != "governance/rates.py"], ids=name_of)
def test_rates_are_divided_in_one_place(path):
    assert code_rules.check_rates(read(path)) == []


@pytest.mark.parametrize(
    "source",
    [
        "resolution_rate = solved / asked",
        "resolution_rate: float = solved / asked",
        "frame['resolution_rate'] = frame.solved / frame.asked",
        "frame.loc[:, 'resolution_rate'] = frame.solved.div(frame.asked)",
        "frame = frame.assign(resolution_rate=lambda rows: rows.solved / rows.asked)",
        "row = {'resolution_rate': solved / asked}",
        "row.resolution_rate = np.divide(solved, asked)",
        "resolution_rate /= asked",
        "def resolution_rate(solved, asked):\n    return solved / asked",
        "print(resolution_rate := solved / asked)",
    ],
)
def test_rate_rule_fails_on_a_planted_division(source):
    assert code_rules.check_rates(source) != []


def test_rate_rule_spares_reading_and_other_quotients():
    assert code_rules.check_rates("resolution_rate = rates['resolution_rate']\nrows_per_second = rows / seconds\npath = folder / 'resolution_rate'") == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_ratio_is_made_in_sql(path):
    assert code_rules.check_sql_rates(read(path)) == []


@pytest.mark.parametrize(
    "text",
    [
        "SELECT sum(resolved) / sum(asked) AS resolution_rate FROM t",
        'SELECT district, CAST(sum(r) AS DOUBLE) / NULLIF(sum(a), 0) AS "resolution_rate" FROM t',
        "SELECT avg(resolved) AS resolution_rate FROM t",
        "UPDATE t SET resolution_rate = resolved / asked",
    ],
)
def test_sql_rate_rule_fails_on_a_planted_ratio(text):
    assert code_rules.check_sql_rates(f"QUERY = {text!r}") != []
    assert code_rules.check_sql_rates(f"QUERY = f{text + ' {where}'!r}") != []


def test_sql_rate_rule_spares_counts():
    assert code_rules.check_sql_rates("QUERY = 'SELECT sum(resolved) AS resolved_count, x / 60 AS minutes FROM t'") == []


# What the screen says and asks


@pytest.mark.parametrize("path", SCREEN, ids=name_of)
def test_screen_asks_no_outside_host(path):
    assert code_rules.check_words(read(path)) == []


@pytest.mark.parametrize(
    "source",
    [
        "st.dataframe(rows, use_container_width=True)",
        "figure.update_layout(mapbox={})",
        "import plotly.express as px\npx.choropleth_mapbox()",
        "figure.write_image('a.png')",
        "pdk.Deck(map_style=None)",
        "URL = 'https://example.org/tiles'",
        "URL = f'http://example.org/{x}'",
        "SOCKET = 'wss://example.org/live'",
        "HTML = '<script src=\"//cdn.example.org/x.js\"></script>'",
    ],
)
def test_screen_rule_fails_on_a_planted_request(source):
    assert code_rules.check_words(source) != []


def test_screen_rule_spares_comments_and_loopback():
    assert code_rules.check_words('"""Never mapbox: see https://example.org."""\n# not write_image\nURL = "http://127.0.0.1:8501/"\n') == []


@pytest.mark.parametrize("path", SCREEN, ids=name_of)
def test_screen_caches_are_bounded(path):
    assert code_rules.check_caches(read(path)) == []


@pytest.mark.parametrize(
    "source", ["@st.cache_data\ndef f(): ...", "@st.cache_data(ttl=60)\ndef f(): ...", "f = st.cache_resource(g)", "@st.cache_resource()\ndef f(): ..."]
)
def test_cache_rule_fails_on_a_planted_cache(source):
    assert code_rules.check_caches(source) != []


def test_cache_rule_spares_bounds_and_clearing():
    assert code_rules.check_caches("@st.cache_data(max_entries=200)\ndef f(): ...\nst.cache_data.clear()") == []


CATALOGUES = {"ui/words.py", "ui/chinese_shim.py"}
"""Where Chinese may stand by itself: the names of things, and the translation of what Streamlit says in English."""


@pytest.mark.parametrize("path", [path for path in SCREEN if name_of(path) not in CATALOGUES], ids=name_of)
def test_screen_text_goes_through_gettext(path):
    assert code_rules.check_translated(read(path)) == []


@pytest.mark.parametrize("source", ["TITLE = '驾驶舱'", "TITLE = f'{n}件'", "TITLE = _(f'{n}件')", "card(title='驾驶舱')", "frame['区'] = 1"])
def test_translation_rule_fails_on_a_planted_literal(source):
    assert code_rules.check_translated(source) != []


def test_translation_rule_spares_marked_text_and_docstrings():
    assert code_rules.check_translated('"""驾驶舱"""\n# 注释\nTITLE = _("驾驶舱")\nLATER = N_("区")\n') == []


# What is installed

IMPORTED_AS = {"chinesecalendar": "chinese_calendar", "pillow": "PIL"}
"""Distributions whose module has another name."""


def required(name: str) -> set[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {re.split(r"[=<>~!\[; ]", line.strip())[0].lower().replace("-", "_") for line in lines if line.strip() and not line.startswith(("#", "-"))}


def test_imports_are_declared():
    """Every library the product imports is a line of requirements.in, so nothing works by accident of another's tree."""
    used = {module for path in FILES for _, module in imported_modules(ast.parse(read(path)))}
    local = {*ROOMS, *(door.removesuffix(".py") for door in DOORS)}
    declared = {IMPORTED_AS.get(name, name) for name in required("requirements.in")}
    assert used - STANDARD_LIBRARY - local - {"__future__"} - declared == set()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_requirements_are_pinned_and_name_no_host(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9_.-]+==[^\s=]+( ; .+)?", line)] == []
    assert not re.search(r"https?:|--index-url|--extra-index-url|--find-links|file:", text)
    assert required(name.replace(".txt", ".in")) <= required(name)


def test_build_machine_runs_the_same_command_as_people():
    script = ROOT / ".ci" / "run"
    commands = [line for line in read(script).splitlines() if line and not line.startswith("#")]
    assert os.access(script, os.X_OK)
    assert commands == ["set -euo pipefail", 'cd "$(dirname "${BASH_SOURCE[0]}")/.."', "exec make test </dev/null"]
