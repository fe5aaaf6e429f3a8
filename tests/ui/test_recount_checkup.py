"""城市体检: every indicator's value, interval, references, rank, status and duration agrees with a loop over the delivered rows."""

from __future__ import annotations

import math
import tomllib
from collections import Counter
from datetime import date, timedelta
from functools import cache
from statistics import median
from typing import NamedTuple

import pytest

from governance.periods import Grain, Period
from storage.scope import Role, Scope
from tests import plain
from tests.ui import seeded_city, small_city
from ui import checkup_loaders, checkup_sentences

LEADER = Scope(Role.LEADER)
RULES = tomllib.loads((small_city.ROOT / "governance" / "policy.toml").read_text(encoding="utf-8"))["checkup"]
SMALL, LEAST_MONTHS, LEAST_PEERS = 30, 6, 4
Z = 1.959963984540054
INDICATORS = {
    # key: kind, sign of worse, top, base; a share where the kind says nothing else
    "request_change": ("change", 1, "request_count", "year_ago_count"),
    "requests_per_10k": ("density", 1, "request_count", "residents"),
    "response_rate": ("share", -1, "responded_count", "response_base_count"),
    "resolution_rate": ("share", -1, "resolved_count", "resolution_base_count"),
    "satisfaction_rate": ("share", -1, "satisfied_count", "satisfaction_base_count"),
    "unresolved_count": ("amount", 1, "unresolved_count", "resolution_base_count"),
    "overdue_share": ("share", 1, "overdue_count", "due_count"),
    "open_share": ("share", 1, "open_count", "request_count"),
    "consultation_share": ("share", 0, "consultation_count", "intake_count"),
    "top_problem_share": ("share", 1, "top_count", "request_count"),
}
FIELDS = {"district": "district", "subdistrict": "subdistrict", "handler": "unit", "category": "category_1"}
OBJECTS = {
    "city": "city",
    "district": "110102",
    "subdistrict": "110102007",
    "handler": "市场监管局",
    "category": "房屋漏水",
}
MONTHS = ("2025-10", "2025-11", "2025-02", "2024-05", "2024-06", "2024-02", "2023-09")


class Line(NamedTuple):
    """One indicator of one object in one month."""

    value: float
    low: float
    high: float
    base: float


@cache
def spans(month: str) -> list[tuple[date, date]]:
    """The month and up to 24 before it that the data cover; all cut like the month, where it is not over."""
    first, last = plain.month_days(month, seeded_city.LAST_DAY)
    found = [(first, last)]
    is_cut = last < plain.month_days(month)[1]
    for _back in range(24):
        before, end = plain.month_days(f"{found[-1][0] - timedelta(days=1):%Y-%m}")
        if before < seeded_city.FIRST_DAY:
            break
        found.append((before, min(end, before + (last - first)) if is_cut else end))
    return found


@cache
def codes_of(kind: str) -> list[str]:
    if kind == "city":
        return ["city"]
    return sorted({row[FIELDS[kind]] for row, _adds in seeded_city.tickets()} - {None})


def residents(kind: str, code: str) -> float:
    known = {"city": "", "district": code, "subdistrict": code}
    return sum(number for own, number in seeded_city.RESIDENTS.items() if own.startswith(known[kind])) if kind in known else math.nan


@cache
def tallies(kind: str, span: tuple[date, date]) -> dict[str, Counter[str]]:
    """The counts of every object in some days."""
    found = {code: Counter() for code in codes_of(kind)}
    for row, adds in seeded_city.accepted(*span):
        code = "city" if kind == "city" else row[FIELDS[kind]]
        if code is not None:
            found[code].update(adds)
    return found


@cache
def history(kind: str, month: str) -> dict[tuple[str, int], Counter[str]]:
    """The counts of every object in every month looked at."""
    return {(code, back): tally for back, span in enumerate(spans(month)) for code, tally in tallies(kind, span).items()}


@cache
def problems(kind: str, code: str, month: str, back: int) -> dict[str, int]:
    """Requests by problem: by first level, of a category by second level."""
    level = "category_2" if kind == "category" else "category_1"
    counts: Counter[str] = Counter()
    for row, adds in seeded_city.accepted(*spans(month)[back]):
        if row[level] is not None and (kind == "city" or row[FIELDS[kind]] == code):
            counts[row[level]] += adds["request_count"]
    return {name: number for name, number in counts.items() if number}


def wilson(part: float, whole: float) -> tuple[float, float]:
    """The score interval of a share, solved from (p - part/whole)² = z² p (1 - p) / whole."""
    if not whole > 0:
        return math.nan, math.nan
    share = part / whole
    root = Z * math.sqrt(share * (1 - share) / whole + Z * Z / (4 * whole * whole))
    middle, scale = share + Z * Z / (2 * whole), 1 + Z * Z / whole
    return (0.0 if part == 0 else (middle - root) / scale), (1.0 if part == whole else (middle + root) / scale)


def poisson(count: float) -> tuple[float, float]:
    """All means m with (count - m)² at most z² m."""
    root = math.sqrt((2 * count + Z * Z) ** 2 - 4 * count * count)
    return max((2 * count + Z * Z - root) / 2, 0.0), (2 * count + Z * Z + root) / 2


def line(key: str, kind: str, code: str, month: str, back: int, own: str) -> Line:
    """Value, interval and base of one indicator; NaN where unknown."""
    rows = history(kind, month)
    tally: Counter[str] = Counter(rows[code, back])
    tally["unresolved_count"] = tally["resolution_base_count"] - tally["resolved_count"]
    tally["year_ago_count"] = rows[code, back + 12]["request_count"] if (code, back + 12) in rows else math.nan
    tally["residents"] = residents(kind, code)
    found = problems(kind, code, month, back) if code == own and back <= 12 else {}
    tally["top_count"] = max(found.values(), default=math.nan) if code == own else math.nan
    form, _sign, top_name, base_name = INDICATORS[key]
    top, base = float(tally[top_name]), float(tally[base_name])
    if math.isnan(top) or math.isnan(base) or base <= 0:
        return Line(math.nan, math.nan, math.nan, base)
    if form == "change":
        low, high = (end / (1 - end) - 1 for end in wilson(top, top + base))
        return Line((top - base) / base, low, high, base)
    if form == "share":
        return Line(top / base, *wilson(top, base), base)
    low, high = poisson(top)
    scale = 10_000 / base if form == "density" else 1
    return Line(top * scale, low * scale, high * scale, base)


def gap(key: str, value: float, reference: float) -> float:
    """Value less reference, in relation to it for amounts."""
    if INDICATORS[key][0] in ("change", "share"):
        return value - reference
    if value == reference == 0:
        return 0.0
    return (value - reference) / reference if reference > 0 else math.nan


def worse(key: str, difference: float) -> float:
    sign = INDICATORS[key][1]
    return abs(difference) if sign == 0 else difference * sign


def judged(key: str, own: list[Line], references: dict[int, float], watch: float, alert: float, reason: str) -> dict | None:
    """The judgement against a reference of every month; None where there is none."""
    now, against = own[0], references.get(0, math.nan)
    if alert <= 0 or math.isnan(against):
        return None
    difference = gap(key, now.value, against)
    amount = worse(key, difference)
    if math.isnan(amount):
        return None
    status = "normal"
    if (against < now.low or against > now.high) and amount >= watch:
        status = "alert" if amount >= alert else "watch"
    since = 0
    while since < len(own) and worse(key, gap(key, own[since].value, references.get(since, math.nan))) >= watch:
        since += 1
    since = since if status != "normal" else math.nan
    return {"status": status, "reason": reason, "reference": against, "difference": difference, "severity": amount / alert, "since": since}


UNJUDGED = dict.fromkeys(("reference", "difference", "severity", "since"), math.nan) | {"status": "unjudged"}


@cache
def expected(key: str, kind: str, code: str, month: str) -> dict:
    """One line of the check-up."""
    backs = range(len(spans(month)))
    own = [line(key, kind, code, month, back, code) for back in backs]
    in_full = key == "requests_per_10k"

    def enough(one: Line) -> bool:
        return not math.isnan(one.value) and (in_full or one.base >= SMALL)

    others = {back: [one.value for other in codes_of(kind) if other != code and enough(one := line(key, kind, other, month, back, code))] for back in backs}
    peers = {back: median(values) if len(values) >= LEAST_PEERS else math.nan for back, values in others.items()}
    earlier = [own[back].value for back in backs if 1 <= back <= 12 and enough(own[back])]
    past = median(earlier) if len(earlier) >= LEAST_MONTHS else math.nan
    limits = {name: number / 100 for name, number in RULES[key][0]["value"].items()}
    constant = dict.fromkeys(backs, 0.0 if key == "request_change" else past)
    if math.isnan(own[0].value):
        outcome = UNJUDGED | {"reason": "no_data"}
    elif not in_full and own[0].base < SMALL:
        outcome = UNJUDGED | {"reason": "few"}
    else:
        found = [
            judged(key, own, constant, limits["past_watch"], limits["past_alert"], "past"),
            judged(key, own, peers, limits["peer_watch"], limits["peer_alert"], "peers"),
        ]
        known = [one for one in found if one]
        known.sort(key=lambda one: (("normal", "watch", "alert").index(one["status"]), one["severity"]))
        outcome = known[-1] if known else UNJUDGED | {"reason": "no_reference"}
    has_rank = len(others[0]) >= LEAST_PEERS and not math.isnan(own[0].value) and outcome["reason"] != "few"
    return outcome | {
        **own[0]._asdict(),
        "before": own[1].value if len(own) > 1 else math.nan,
        "year_ago": own[12].value if len(own) > 12 else math.nan,
        "past_median": past,
        "peer_median": peers[0],
        "peer_count": len(others[0]),
        "rank": 1 + sum(value > own[0].value for value in others[0]) if has_rank else math.nan,
    }


def period(month: str) -> Period:
    return Period.containing(Grain.MONTH, date.fromisoformat(f"{month}-01"), until=seeded_city.LAST_DAY)


@pytest.mark.parametrize("kind", OBJECTS)
@pytest.mark.parametrize("month", MONTHS)
def test_every_line_of_the_table(seeded_version, kind, month):
    code = OBJECTS[kind]
    table = checkup_loaders.checked(seeded_version, LEADER, kind, code, period(month)).table
    assert list(table.index) == list(INDICATORS)
    for key in INDICATORS:
        wanted, shown = expected(key, kind, code, month), table.loc[key]
        assert (str(shown["status"]), str(shown["reason"])) == (wanted["status"], wanted["reason"]), key
        for name in ("value", "low", "high", "base", "before", "year_ago", "past_median", "peer_median", "peer_count", "rank"):
            assert shown[name] == pytest.approx(wanted[name], nan_ok=True), (key, name)
        for name in ("reference", "difference", "severity", "since"):
            assert shown[name] == pytest.approx(wanted[name], nan_ok=True), (key, name)


def test_the_seeded_city_has_every_outcome():
    """The recount means something: every status and every reason occurs, each reference alarms, and some alarm lasts for months."""
    lines = [expected(key, kind, OBJECTS[kind], month) for kind in OBJECTS for month in MONTHS for key in INDICATORS]
    assert {one["status"] for one in lines} == {"normal", "watch", "alert", "unjudged"}
    assert {one["reason"] for one in lines} == {"past", "peers", "no_data", "few", "no_reference"}
    assert {one["reason"] for one in lines if one["status"] in ("watch", "alert")} == {"past", "peers"}
    assert max(one["since"] for one in lines if not math.isnan(one["since"])) > 2


@pytest.mark.parametrize("kind", ["subdistrict", "handler", "category"])
def test_the_dots_of_the_chart(seeded_version, kind):
    """Each of the others with enough answers this month, and the own twelve months before."""
    code, month = OBJECTS[kind], "2025-10"
    result = checkup_loaders.checked(seeded_version, LEADER, kind, code, period(month))
    for key in INDICATORS:
        shown = {row.code: row.value for row in result.peers.itertuples() if row.indicator == key}
        others = {other: line(key, kind, other, month, 0, code) for other in codes_of(kind) if other != code}
        wanted = {other: one.value for other, one in others.items() if not math.isnan(one.value) and (one.base >= SMALL or key == "requests_per_10k")}
        assert shown == pytest.approx(wanted)
        past = {row.months_back: row.value for row in result.past.itertuples() if row.indicator == key}
        own = {back: line(key, kind, code, month, back, code).value for back in range(13)}
        assert past == pytest.approx({back: value for back, value in own.items() if not math.isnan(value)})


@pytest.mark.parametrize("kind", OBJECTS)
@pytest.mark.parametrize("month", ["2025-10", "2025-11", "2023-09"])
def test_the_problems_and_those_that_grew(seeded_version, kind, month):
    code = OBJECTS[kind]
    now = problems(kind, code, month, 0)
    shown = checkup_loaders.problems(seeded_version, LEADER, kind, code, period(month))
    assert list(zip(shown["problem"], shown["request_count"], strict=True)) == sorted(now.items(), key=lambda item: (-item[1], item[0]))
    grown = checkup_loaders.growing(seeded_version, LEADER, kind, code, period(month))
    if len(spans(month)) <= 12:
        assert grown.empty
        return
    then = problems(kind, code, month, 12)
    wanted = {}
    for name, count in now.items():
        ago = then.get(name, 0)
        if (
            count >= SMALL
            and wilson(count, count + ago)[0] > 0.5
            and (ago == 0 or (count - ago) / ago >= RULES["request_change"][0]["value"]["past_watch"] / 100)
        ):
            wanted[name] = (count, ago, count - ago)
    assert {row.problem: (row.request_count, row.year_ago_count, row.more_count) for row in grown.itertuples()} == wanted
    assert grown["more_count"].is_monotonic_decreasing
    assert grown["change"].tolist() == pytest.approx([plain.change(wanted[name][0], wanted[name][1]) for name in grown["problem"]], nan_ok=True)


@pytest.mark.parametrize(
    ("scope", "kind", "code"), [(Scope(Role.DISTRICT, "110102"), "district", "110102"), (Scope(Role.DEPARTMENT, "热力集团"), "handler", "热力集团")]
)
def test_a_bound_role_is_checked_by_its_own_tickets(seeded_version, scope, kind, code):
    """The same values as the leader sees; no peers, as others' tickets are not read."""
    table = checkup_loaders.checked(seeded_version, scope, kind, code, period("2025-10")).table
    for key in INDICATORS:
        one = line(key, kind, code, "2025-10", 0, code)
        assert table.loc[key, "value"] == pytest.approx(one.value, nan_ok=True)
    assert table["peer_count"].tolist() == [0] * len(INDICATORS)


def test_the_page_writes_the_recount(open_page, seeded_home):
    """The table and the verdict as rendered, for a subdistrict with peers."""
    app = open_page("pages/overview/checkup.py", home=seeded_home)
    for key, value in {"object": "subdistrict", "subdistrict": "110102007", "month": "2025-10"}.items():
        app = app.selectbox(key=key).select(value).run()
    assert not app.exception
    assert not app.error
    table = next(item.value for item in app.dataframe if "指标" in item.value)
    lines = {key: expected(key, "subdistrict", "110102007", "2025-10") for key in INDICATORS}
    words = {"normal": "● 正常", "watch": "▲ 关注", "alert": "■ 预警", "unjudged": "— 不评"}
    assert table["状态"].tolist() == [words[one["status"]] for one in lines.values()]
    for head, name in (("本月", "value"), ("上月", "before"), ("去年同月", "year_ago"), ("近12月中位", "past_median"), ("同级中位", "peer_median")):
        assert table[head].tolist() == [checkup_sentences.value_text(key, one[name]) for key, one in lines.items()]
    assert table["位次"].tolist() == ["—" if math.isnan(one["rank"]) else f"{one['rank']}/{one['peer_count'] + 1}" for one in lines.values()]
    counts = Counter(words[one["status"]][2:] for one in lines.values())
    verdict = "10 项中 " + "、".join(f"{counts[word]} 项{word}" for word in ("正常", "关注", "预警", "不评") if counts[word])
    assert any(verdict in item.value for item in app.markdown)
