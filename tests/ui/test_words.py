"""Formats of numbers, dates and periods."""

from __future__ import annotations

import ast
import re
from datetime import date
from pathlib import Path

import pytest

from governance.periods import Grain, Period
from governance.tickets import Channel, RequestType
from storage.scope import Role
from ui import words

NAN = float("nan")
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (9_876, "9,876"),
        (10_000, "10,000"),
        (29_951, "29,951"),
        (99_999, "99,999"),
        (107_000, "10.70万"),
        (24_946_000, "2,494.60万"),
        (147_000_000, "1.47亿"),
        (NAN, "—"),
        (None, "—"),
    ],
)
def test_count(value, text):
    assert words.count(value) == text


@pytest.mark.parametrize(("rate", "text"), [(0.9677, "96.8%"), (0.0, "0.0%"), (1.0, "100.0%"), (NAN, "—（无回访）"), (None, "—（无回访）")])
def test_percent(rate, text):
    assert words.percent(rate, "无回访") == text


@pytest.mark.parametrize(("change", "text"), [(0.031, "+3.1%"), (-0.031, "-3.1%"), (0.0, "0.0%"), (-0.0001, "0.0%"), (NAN, "—")])
def test_relative_puts_the_sign_first(change, text):
    assert words.relative(change) == text


@pytest.mark.parametrize(("difference", "text"), [(0.004, "+0.4百分点"), (-0.012, "-1.2百分点"), (0.0, "0.0百分点"), (NAN, "—")])
def test_points(difference, text):
    assert words.points(difference) == text


@pytest.mark.parametrize(
    ("period", "text"),
    [
        (Period(Grain.MONTH, date(2026, 11, 1), date(2026, 11, 20)), "2026年11月（截至11月20日）"),
        (Period(Grain.MONTH, date(2026, 10, 1), date(2026, 10, 31)), "2026年10月"),
        (Period(Grain.YEAR, date(2025, 1, 1), date(2025, 12, 31)), "2025年"),
        (Period(Grain.WEEK, date(2026, 11, 16), date(2026, 11, 22)), "2026年11月16日至11月22日"),
        (Period(Grain.RANGE, date(2025, 12, 30), date(2026, 1, 2)), "2025年12月30日至2026年1月2日"),
        (Period(Grain.DAY, date(2026, 1, 2), date(2026, 1, 2)), "2026年1月2日"),
    ],
)
def test_period_name(period, text):
    assert words.period_name(period) == text


HALF_WIDTH = re.compile(r"[\u4e00-\u9fff”’）][,;:?!(]|[,;?!)][\u4e00-\u9fff“‘（]")


def screen_sentences() -> list[str]:
    files = [ROOT / "app.py", ROOT / "server.py", *sorted((ROOT / "ui").glob("*.py")), *sorted((ROOT / "pages").rglob("*.py"))]
    calls = [node for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    marked = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "_" and call.args]
    return [str(item.value) for item in marked if isinstance(item, ast.Constant)]


def test_sentences_have_full_width_punctuation():
    assert len(screen_sentences()) > 100
    assert [text for text in screen_sentences() if HALF_WIDTH.search(text)] == []


@pytest.mark.parametrize("text", ["比平时好,该看哪里", "第一步:导入", "诉求量(件)", "共 {n} 行;最多", "该看哪里?"])
def test_punctuation_rule_fails_on_a_planted_sentence(text):
    assert HALF_WIDTH.search(text)


@pytest.mark.parametrize("enumeration", [Role, Grain, RequestType, Channel])
def test_every_value_has_a_chinese_name(enumeration):
    assert all(words.label(item) for item in enumeration)
