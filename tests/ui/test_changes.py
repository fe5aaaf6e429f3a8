"""变化原因 and the wall: the parts add up to the change exactly, are the counts of a loop over the rows, and lead to their evidence."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date

import pytest
from streamlit.testing.v1 import AppTest

from governance.periods import Grain, Period
from storage.queries import Selection
from storage.scope import Role, Scope
from tests.ui import seeded_city
from tests.ui.conftest import APP, TIMEOUT
from tests.ui.key_figures import key_figures
from tests.ui.test_pages import texts
from ui import change_loaders, figures, loaders, sentences, tables
from ui import change_sentences as said
from ui.kept import forget

LEADER = Scope(Role.LEADER)
OCTOBER = Period.containing(Grain.MONTH, date(2025, 10, 1))
PERIODS = {
    "month": OCTOBER,
    "running month": Period.containing(Grain.MONTH, date(2025, 11, 1), until=seeded_city.LAST_DAY),
    "leap February": Period.containing(Grain.MONTH, date(2024, 2, 1)),
    "day": Period.containing(Grain.DAY, date(2024, 2, 29)),
    "year": Period.containing(Grain.YEAR, date(2025, 1, 1), until=seeded_city.LAST_DAY),
}
CHOSEN = {
    "city": (Selection(), {}, "category_1"),
    "district": (Selection(district_code="110102"), {"district": "110102"}, "category_1"),
    "channel": (Selection(channel="phone"), {"channel": "phone"}, "category_1"),
}


def requests(period: Period, name: str, wanted: dict) -> Counter:
    """Requests by one label, counted in a loop."""
    found: Counter = Counter()
    for ticket in seeded_city.accepted(period.start, period.end):
        if all(ticket.row[key] == value for key, value in wanted.items()):
            found[ticket.row[name]] += ticket.adds["request_count"]
    return found


@pytest.mark.parametrize("case", PERIODS)
@pytest.mark.parametrize("chosen", CHOSEN)
def test_every_part_is_counted_and_the_parts_add_up(seeded_version, case, chosen):
    period, (selection, wanted, axis) = PERIODS[case], CHOSEN[chosen]
    for against in change_loaders.possible(seeded_version, period):
        change = change_loaders.changes(seeded_version, LEADER, selection, period, against)
        now, before = requests(period, axis, wanted), requests(change.base, axis, wanted)
        assert (change.now_count, change.before_count) == (now.total(), before.total())
        shown = {row.category if isinstance(row.category, str) else None: (row.now_count, row.before_count) for row in change.rows.itertuples()}
        assert shown == {name: (now[name], before[name]) for name in {*now, *before} if now[name] or before[name]}
        moved = now.total() - before.total()
        assert change.found.calendar_count + change.rows["contribution_count"].sum() == moved
        assert change.found.calendar_count + sum(item.contribution_count for item in change.found.items) + change.found.rest_count == moved
        for item in change.found.items:
            assert sum(part.contribution_count for part in item.parts) + item.rest_count == item.contribution_count


def test_the_burst_of_leaks_is_found_and_said(seeded_version):
    change = change_loaders.changes(seeded_version, LEADER, Selection(), OCTOBER, "year_ago")
    first = change.found.items[0]
    assert first.evidence.categories == ("房屋漏水",)
    assert first.low > 0
    spoken = said.spoken(change, "year_ago", change_loaders.names(seeded_version, LEADER, Selection()))
    assert f"比去年同期（2024年10月1日至10月31日）多 **{change.now_count - change.before_count}** 件" in spoken[0]
    assert any(line.startswith(f"**房屋漏水 +{first.contribution_count}** 件（95%区间 +") for line in spoken)
    numbers = [int(found) for line in spoken[1:] for found in re.findall(r"(?:\*\*[^*]*?|带来 \*\*|日历影响 |其余 )([+-]?\d+)(?:\*\*)? 件", line)]
    assert sum(numbers) == change.now_count - change.before_count


def test_what_is_beyond_chance_but_not_listed_is_said(seeded_version, monkeypatch):
    """With room for one item alone, the others are counted, and the rest is not called chance."""
    whole = change_loaders.changes(seeded_version, LEADER, Selection(), OCTOBER, "before")
    forget()
    monkeypatch.setattr(change_loaders, "ITEMS", 1)
    cut = change_loaders.changes(seeded_version, LEADER, Selection(), OCTOBER, "before")
    assert len(whole.found.items) + whole.found.more_count == len(cut.found.items) + cut.found.more_count > 1
    assert f"另有 {cut.found.more_count} 项也超出偶然波动" in said.rest(cut)


def test_nothing_is_compared_with_days_before_the_data(seeded_version):
    first = Period.containing(Grain.MONTH, seeded_city.FIRST_DAY)
    assert change_loaders.possible(seeded_version, first) == []
    assert change_loaders.possible(seeded_version, Period.containing(Grain.MONTH, date(2023, 2, 1))) == []  # January is there from the 15th only
    assert change_loaders.possible(seeded_version, Period.containing(Grain.MONTH, date(2023, 3, 1))) == ["before"]
    assert change_loaders.possible(seeded_version, OCTOBER) == ["year_ago", "before"]


def test_a_scope_sees_its_own_change_only(seeded_version):
    scope = Scope(Role.SUBDISTRICT, "110102007")
    change = change_loaders.changes(seeded_version, scope, Selection(), OCTOBER, "before")
    own = requests(OCTOBER, "category_1", {"subdistrict": "110102007"})
    assert change.now_count == own.total()
    assert {code for item in change.found.items for code in item.evidence.place_codes} <= {"110102007"}


@pytest.fixture
def seeded_page(seeded_version):
    def run(**query: str) -> AppTest:
        app = AppTest.from_file(APP, default_timeout=TIMEOUT)
        for key, value in query.items():
            app.query_params[key] = value
        return app.run()

    return run


def test_evidence_narrows_the_page_to_the_finding(seeded_page, seeded_version):
    app = seeded_page(month="2025年10月")
    button = next(item for item in app.button if item.label == "看依据")
    button.click().run()
    assert not app.exception
    assert next(item for item in app.selectbox if item.label == "一级分类").value == "房屋漏水"


def test_the_wall_shows_key_figures_and_turns(seeded_page, monkeypatch):
    seen = set()
    for moment in (0, 20, 40):
        monkeypatch.setattr("ui.wall.time.time", lambda moment=moment: 1_700_000_000 // 60 * 60 + moment)
        app = seeded_page(mode="wall", month="2025年10月")
        assert not app.exception
        assert not app.error
        assert len(key_figures(app)) == 8
        seen |= {item.value for item in app.markdown if item.value.startswith("### ")}
    assert {"### 在哪里", "### 变化原因", "### 前十类问题", "### 诉求量走势", "### 各街乡镇", "### 承办单位"} <= seen


def test_the_page_without_the_mode_is_no_wall(seeded_page):
    app = seeded_page()
    assert "轮换" not in texts(app)
    assert any(item.label == "看依据" for item in app.button) or "没有哪一项单独超出偶然波动" in texts(app)


def test_new_on_the_list_is_who_was_not_among_the_first_ten():
    assert tables.rank_word(10, 12.0) == "★ 新上榜"
    assert tables.rank_word(3, float("nan")) == "★ 新上榜"
    assert tables.rank_word(12, 14.0) == "▲ 升 2"
    assert tables.rank_word(10, 10.0) == "＝ 持平"
    assert tables.rank_word(2, 10.0) == "▲ 升 8"


def test_holidays_are_shaded_and_seasons_begin_with_a_line(seeded_version):
    volume = loaders.volume(seeded_version, LEADER, Selection(), OCTOBER)
    marks = loaders.calendar_marks(seeded_version, volume.attrs["window"])
    assert "国庆节、中秋节" in set(marks["label"])
    figure = figures.volume(volume, marks)
    shaded = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert [str(shape.x0)[:10] for shape in shaded] == ["2025-09-30"]  # from noon of the day before the first day's point
    assert "国庆节、中秋节（10月1日–8日）" in sentences.marked(marks)
    november = loaders.volume(seeded_version, LEADER, Selection(), PERIODS["running month"])
    lines = figures.volume(november, loaders.calendar_marks(seeded_version, november.attrs["window"])).layout.shapes
    assert [shape.type for shape in lines] == ["line"]
