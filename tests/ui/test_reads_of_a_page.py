"""Which reads the cockpit makes: each once, from rollups only, and none at all when nothing changed."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from storage import patterns, queries, reads
from tests.ui.key_figures import key_figures
from ui import loaders, warmup, words

MONTH = "2025年10月"
ROLLUP = re.compile(r"FROM (\w+_(?:day|month|hour))")


@pytest.fixture
def asked(monkeypatch):
    """Every statement sent to the mart, with its parameters."""
    sent: list[tuple[str, tuple[object, ...]]] = []
    plain = queries.fetch

    def note(snapshot, statement, parameters=()):
        sent.append((statement, tuple(parameters)))
        return plain(snapshot, statement, parameters)

    for module in (queries, reads, patterns):
        monkeypatch.setattr(module, "fetch", note)
    return sent


def test_no_read_is_made_twice(open_page, asked):
    open_page(month=MONTH)
    assert len(asked) <= 23
    assert [item for item, times in Counter(asked).items() if times > 1] == []


def test_a_rerun_without_a_change_reads_nothing(open_page, asked):
    app = open_page(month=MONTH)
    asked.clear()
    app.run()
    assert asked == []


def test_a_change_of_the_month_reads_counts_only(open_page, asked):
    app = open_page(month=MONTH)
    asked.clear()
    app.selectbox(key="month").select("2025-08").run()
    assert words.exact(0) not in {item.value for item in key_figures(app) if item.label == "受理量"}
    assert all(ROLLUP.search(statement) for statement, _parameters in asked)
    assert len(asked) <= 12


def test_without_filters_the_widest_table_is_never_asked(open_page, asked):
    open_page(month=MONTH)
    assert {name for statement, _parameters in asked for name in ROLLUP.findall(statement)} <= {
        "city_day",
        "place_day",
        "unit_day",
        "category_day",
        "place_month",
        "unit_month",
    }


def test_what_is_read_ahead_is_what_pages_ask_for(open_page, asked, city_home, monkeypatch):
    """After reading ahead, a leader's three pages read nothing for the city or a district in the months read ahead."""
    monkeypatch.setattr(warmup, "MONTHS_AHEAD", 2)
    monkeypatch.setenv("WEISU_HOME", str(city_home))
    version = loaders.pin_version()
    for read in warmup.usual_reads(version):
        read()
    register = loaders.place_register(version)
    district = register.loc[register["level"] == "district", "name"].iloc[0]
    for month in ("2025-11", "2025-10"):
        for place in ({}, {"district": district}):
            asked.clear()
            app = open_page(month=month, **place)
            assert not app.exception
            assert asked == [], (month, place)
    asked.clear()
    open_page("pages/overview/checkup.py")
    assert asked == []
    open_page("pages/overview/heatmap.py")
    assert len(asked) <= 4, "more than the problems of the area in the panel"
