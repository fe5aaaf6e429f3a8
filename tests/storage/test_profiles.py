"""City profiles: the shipped ones are complete, a wrong one is refused where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.home import Home, InputError
from storage.profiles import CITIES, load_profile, parse_profile
from tests.factories import lake_by_id, load, refuses, ticket, write_csv, write_profile

COLUMNS = 'ticket_id = "工单编号"\naccepted_at = "创建时间"'
GOOD = f'[city]\ncode = "x"\nname = "x"\ntimezone = "Asia/Shanghai"\ncalendar = "CN"\n[columns]\n{COLUMNS}\n'


@pytest.mark.parametrize("path", sorted(CITIES.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_profiles_are_usable(path: Path) -> None:
    """Every file in cities/ loads under its name and maps id and time of acceptance."""
    profile = load_profile(path.stem)
    assert profile.city.code == path.stem
    assert profile.source == path.read_text(encoding="utf-8")
    assert {"ticket_id", "accepted_at"} <= set(profile.columns)


@pytest.mark.parametrize(("city", "calendar"), [("beijing", "CN-BJ"), ("boston", "US-MA"), ("nyc_council", "US-NY")])
def test_shipped_profiles_name_the_calendar_of_their_place(city: str, calendar: str) -> None:
    """Seasons and state holidays come with the part of the country."""
    assert load_profile(city).city.calendar == calendar


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[city", "TOML"),
        ("", "city"),
        (GOOD.replace("Asia/Shanghai", "Asia/Peking"), "时区"),
        (GOOD.replace('"CN"', '"cn"'), "可用: CN, CN-BJ"),
        (GOOD.replace('calendar = "CN"\n', ""), "city.calendar"),
        (GOOD.replace('accepted_at = "创建时间"', ""), "accepted_at"),
        (GOOD + 'colour = "颜色"\n', "没有这样的字段: colour"),
        (GOOD + "[unknown]\nx = 1\n", "unknown"),
        (GOOD + '[values.request_type]\n"诉求" = "reqest"\n', "reqest"),
        (GOOD + '[values.is_responded]\n"是" = "ja"\n', "ja"),
        (GOOD + '[values.accepted_at]\n"今天" = "2024-01-01"\n', "没有作用"),
        (GOOD + '[constants]\nrequest_type = "wish"\n', "wish"),
        (GOOD + "[times]\nformats = []\n", "formats"),
        (GOOD + '[times]\nformats = ["%Q"]\n', "%Q"),
        (GOOD + '[times]\nformats = ["%Y-%m-%d %"]\n', "时间格式"),
        (GOOD + '[times]\nformats = ["iso"]\n', "时间格式"),
        (GOOD + '[times]\nformats = ["%Y-%m-%d %z"]\n', "时间格式"),
        (GOOD + '[places]\norder = ["guess"]\n', "order"),
        (GOOD + '[places]\nregister_file = "../../etc/passwd"\n', "地名表"),
        (GOOD + '[places]\nregister_file = "nowhere.csv"\n', "地名表"),
        (GOOD + '[[places.patterns]]\nmatch = "(\\\\d"\ncode = "1"\n', "match"),
        (GOOD + '[[places.patterns]]\nmatch = "(\\\\d)"\ncode = "{2}"\n', "code"),
        (GOOD + '[[places.patterns]]\nmatch = "(\\\\d)"\ncode = "{borough}"\n', "code"),
        (GOOD + '[[split]]\ncolumn = "a"\ninto = ["category_1"]\nseparator = ""\n', "separator"),
        (GOOD + '[[split]]\ncolumn = "a"\ninto = ["closed_at"]\nseparator = "-"\n', "closed_at"),
        ('delimiter = ";;"\n' + GOOD, "delimiter"),
        ("delimiter = '\"'\n" + GOOD, "delimiter"),
        ('required = ["colour"]\n' + GOOD, "colour"),
    ],
)
def test_wrong_profile_is_one_sentence(text: str, said: str) -> None:
    """Unknown keys and fields, impossible values, formats, patterns and paths: the place and the reason are named."""
    with pytest.raises(InputError) as caught:
        parse_profile(text, "x.toml")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_first_present_candidate_is_used_and_missing_ones_are_named(tmp_path: Path) -> None:
    """Columns are tried in order; a required one that is absent is named with all its candidates."""
    profile = write_profile(tmp_path / "p.toml", 'ticket_id = ["编号", "工单编号"]\naccepted_at = "创建时间"\ntitle = ["题", "题目"]')
    sentence = refuses(Home(tmp_path / "home"), write_csv(tmp_path / "a.csv", [ticket("A1")]), city=str(profile))
    assert "题|题目 (→ title)" in sentence
    assert "ticket_id" not in sentence


def test_value_maps_empties_and_splits(tmp_path: Path) -> None:
    """Maps apply to labels as to enumerations, listed words mean nothing, and split parts know both."""
    rest = """
[empty]
all = ["无"]
category_1 = ["其他"]
[values.handling_unit]
"城管" = "城管执法局"
"不详" = ""
[values.channel]
"电话" = "phone"
"*" = "other"
[[split]]
column = "问题分类"
into = ["category_1", "category_2"]
separator = "->"
"""
    columns = f'{COLUMNS}\nhandling_unit = "承办单位"\nchannel = "渠道"\ntitle = "标题"'
    rows = [
        ticket("A1", category="住房 -> 漏雨", handling_unit="城管", channel="电话", title="无"),
        ticket("A2", category="其他->x", handling_unit="不详", channel="传真", title="无水"),
        ticket("A3", category="无", handling_unit="水务局", channel="", title=""),
    ]
    home = Home(tmp_path / "home")
    load(home, write_csv(tmp_path / "a.csv", rows), city=str(write_profile(tmp_path / "p.toml", columns, rest=rest)))
    held = lake_by_id(home)
    names = ("category_1", "category_2", "handling_unit", "channel", "title")
    assert [tuple(held[key][name] for name in names) for key in ("A1", "A2", "A3")] == [
        ("住房", "漏雨", "城管执法局", "phone", None),
        (None, "x", None, "other", "无水"),
        (None, None, "水务局", None, None),
    ]
