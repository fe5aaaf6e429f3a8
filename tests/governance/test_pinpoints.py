"""Pinpoints: the place of an address, the same for every spelling of it, and never a house, building, unit or room."""

from __future__ import annotations

import re
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.pinpoints import Pinpoint, PinpointKind, point_of, points_of

KNOWN = {
    # compounds
    "朝阳区望山街道和顺社区云锦家园3号楼2单元501室": ("云锦家园", "compound"),
    "北京市海淀区松林路18号院云锦家园(东区)12号楼": ("云锦家园东区", "compound"),
    "云锦家园小区": ("云锦家园", "compound"),
    "云 锦 家 园 ３ 号 楼": ("云锦家园", "compound"),
    "【云锦家园】5栋": ("云锦家园", "compound"),
    "松林路云锦花园二区甲3号楼": ("云锦花园二区", "compound"),
    "禾丰小区南门": ("禾丰小区", "compound"),
    "丰台区青石里一区7-2-301": ("青石里一区", "compound"),
    "柏悦府楼下停车场": ("柏悦府", "compound"),
    "柏悦府小区地下车库": ("柏悦府", "compound"),
    "反映青石苑北门对面有人占道": ("青石苑", "compound"),
    "A3区青石苑小区业主反映电梯常坏": ("青石苑", "compound"),
    "朗庭公寓B座1204": ("朗庭公寓", "compound"),
    # crossings and roads
    "松林路与柏山大街交叉口": ("松林路与柏山大街", "crossing"),
    "柏山大街和松林路路口东北角": ("松林路与柏山大街", "crossing"),
    "海淀区松林路、柏山大街十字路口": ("松林路与柏山大街", "crossing"),
    "松林路柏山大街路口": ("松林路与柏山大街", "crossing"),
    "松林路口": ("松林路口", "crossing"),
    "松林路25号": ("松林路", "road"),
    "松林东路路灯不亮": ("松林东路", "road"),
    "青砖胡同甲12号": ("青砖胡同", "road"),
    # other kinds
    "望山镇柳河村3组": ("柳河村", "village"),
    "云锦家园二期项目部": ("云锦家园二期项目部", "site"),
    "青河产业园工地": ("青河产业园工地", "site"),
    "昌平区青河农贸市场西门": ("青河农贸市场", "market"),
    "松林路8号万禾超市": ("万禾超市", "market"),
    "松林路第一小学": ("松林路第一小学", "school"),
    "云锦家园幼儿园门口": ("云锦家园幼儿园", "school"),
    "望山街道社区卫生服务中心": ("望山街道社区卫生服务中心", "hospital"),
    "青河中医医院门诊楼3层": ("青河中医医院", "hospital"),
    "地铁10号线青河站A口": ("青河站", "station"),
    "青河公交站": ("青河公交站", "station"),
    "青河滨水公园东侧": ("青河滨水公园", "park"),
    "万禾大厦A座15层1502": ("万禾大厦", "building"),
    "新街口文化广场": ("新街口文化广场", "park"),
    "前门中心小学": ("前门中心小学", "school"),
    "青河立交桥": ("青河立交桥", "other"),
    # English
    "123 MAIN ST": ("MAIN ST", "road"),
    "123-125 Main Street  Roxbury  MA  02119": ("MAIN ST", "road"),
    "INTERSECTION of Pine St & Ash Ave  Roxbury  MA  ": ("ASH AVE & PINE ST", "crossing"),
    "PINE ST & 5 AVE": ("5 AVE & PINE ST", "crossing"),
    "5TH AVENUE AND PINE STREET": ("5 AVE & PINE ST", "crossing"),
    "PINE ROAD AT ASH AVE, 90034": ("ASH AVE & PINE RD", "crossing"),
    "410 EAST  153 STREET": ("E 153 ST", "road"),
    "32-17 33 STREET": ("33 ST", "road"),
    "83 STREET": ("83 ST", "road"),
    "3802 AVENUE T": ("AVENUE T", "road"),
    "12A Pine Ave, Apt 3B, Brooklyn, NY 11215": ("PINE AVE", "road"),
    "1126 1/2 S PINE AVE, 90006": ("S PINE AVE", "road"),
    "11  S Pine St  Roslindale  MA  02131": ("S PINE ST", "road"),
    "HIGHFIELD PARK": ("HIGHFIELD PARK", "park"),
    "73 Highfield Park  Roxbury  MA  02119": ("HIGHFIELD PARK", "road"),
}
NAMELESS = [
    "",
    "   ",
    "某小区3号楼",
    "朝阳区望山街道和顺社区",
    "3号楼2单元501室",
    "附近道路",
    "公交线路调整的建议",
    "物业收费太高, 请尽快处理",
    "12345",
    "?",
    "A3区",
]


@pytest.mark.parametrize(("address", "expected"), KNOWN.items())
def test_place_of_an_address(address: str, expected: tuple[str, str]) -> None:
    assert point_of(address) == Pinpoint(expected[0], PinpointKind(expected[1]))


@pytest.mark.parametrize("address", [*NAMELESS, None])
def test_text_without_a_place(address: str | None) -> None:
    assert point_of(address) is None


@pytest.mark.parametrize("name", sorted({name for name, _kind in KNOWN.values()}))
def test_place_of_a_name_is_itself(name: str) -> None:
    found = point_of(name)
    assert found is not None
    assert found.name == name


PREFIXES = ["", "北京市朝阳区", "望山街道", "朝阳区望山镇", "A市A3区", "反映", "松林路18号", "松林路甲6号院", "和顺社区", "位于海淀区"]
NAMES = ["云锦家园", "青石里小区", "禾丰小区", "松林路", "柳河村", "万禾大厦", "青河第一中学", "青河医院", "青河站", "青河公园", "万禾超市", "朗庭公寓东区"]
ENDS = ["", "南门", "附近", "(三期)", "门口垃圾桶", "业主", "，夜间扰民", "旁", "内", "停车场"]
NUMBER = st.one_of(st.integers(1, 2999).map(str), st.sampled_from(["一", "三", "十二", "甲3", "B", "2-1", "3—5", "１２"]))
HOUSE = st.tuples(NUMBER, st.sampled_from(["号楼", "单元", "室", "号院", "号", "栋", "层", "门", "#"])).map("".join)
PRIVATE = re.compile(r"[\d一二三四五六七八九十]+[号层#]|\d{2,}|号楼|单元|[室栋]")


@given(st.sampled_from(PREFIXES), st.sampled_from(NAMES), st.lists(HOUSE, max_size=3).map("".join), st.sampled_from(ENDS))
@settings(max_examples=400, deadline=None)
def test_no_number_of_a_house_building_unit_or_room_is_left(prefix: str, name: str, house: str, end: str) -> None:
    for address in (prefix + name + house + end, prefix + house + name + end):
        found = point_of(address)
        assert found is None or not PRIVATE.search(found.name)
        assert found is None or point_of(found.name) == Pinpoint(found.name, found.kind)


@given(st.text(alphabet="云锦家园小区松林路与口号楼单元室三十12AB村站院市县街道的内(） -&", max_size=24))
@settings(max_examples=600, deadline=None)
def test_any_text_is_read_and_reading_again_changes_nothing(text: str) -> None:
    found = point_of(text)
    if found is not None:
        assert found.name
        assert not re.search(r"\d+(?:号楼|单元|室)", found.name)
        again = point_of(found.name)
        assert again is not None
        assert again.name == found.name


@given(st.text(alphabet="MAINST5AVE 12-/&#,.PARKBYR", max_size=24))
@settings(max_examples=300, deadline=None)
def test_any_english_text_is_read_and_reading_again_changes_nothing(text: str) -> None:
    found = point_of(text)
    if found is not None:
        again = point_of(found.name)
        assert again is not None
        assert again.name == found.name


def test_spellings_of_one_place_are_one() -> None:
    spellings = ["云锦家园", "云锦家园小区", "朝阳区云锦家园3号楼", "松林路6号云锦家园", "云锦家园（南门）", "云锦家园-2-1-301"]
    assert points_of(pd.Series(spellings)).pinpoint.unique().tolist() == ["云锦家园"]


def test_table_keeps_the_index_and_leaves_the_nameless_empty() -> None:
    addresses = pd.Series(["禾丰小区2号楼", None, np.nan, "朝阳区", "禾丰小区"], index=[7, 7, 3, 1, 0], name="place")
    found = points_of(addresses)
    assert found.columns.tolist() == ["pinpoint", "pinpoint_kind"]
    assert found.index.tolist() == [7, 7, 3, 1, 0]
    assert found.pinpoint.tolist() == ["禾丰小区", None, None, None, "禾丰小区"]
    assert found.pinpoint_kind.tolist() == ["compound", None, None, None, "compound"]
    assert points_of(pd.Series([], dtype="str")).shape == (0, 2)


def test_other_types_of_columns_are_read() -> None:
    for dtype in ("category", "string", "object"):
        assert points_of(pd.Series(["禾丰小区", None], dtype=dtype)).pinpoint.tolist() == ["禾丰小区", None]


def test_a_hundred_thousand_addresses_take_seconds() -> None:
    syllables = "云锦禾丰青石柏山望河"
    addresses = pd.Series([f"朝阳区望山街道松林路{i}号{a}{b}家园{i % 30}号楼{i}室" for i in range(1000) for a in syllables for b in syllables])
    started = time.monotonic()
    found = points_of(addresses)
    assert time.monotonic() - started < 20
    assert found.pinpoint.nunique() == 100
