"""Delivered columns: what was drawn and what happened, under the Chinese column names of the reference schema."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from pipeline.demo.assumptions import load_assumptions
from pipeline.demo.city import build_city
from pipeline.demo.handling import NEVER, unit_table
from pipeline.demo.texts import load_texts
from storage.extracts import Phrases, Vocabulary, Words

if TYPE_CHECKING:
    from pipeline.demo.handling import Answers, Events

__all__ = ["Drawn", "delivered"]

YES_NO = Vocabulary(["是", "否"])
RESOLUTION = Vocabulary(["解决", "部分解决", "未解决"])
SATISFACTION = Vocabulary(["满意", "基本满意", "不满意", "未评价"])
MODES = Vocabulary(["直派", "分转", "双派"])
ROLES = Vocabulary(["主办", "协办", "转办"])
TYPES = Vocabulary(["诉求", "投诉", "求助", "举报", "建议", "咨询", "表扬"])
SUGGESTION, INQUIRY, PRAISE = 4, 5, 6
STATES = Vocabulary(["待签收", "办理中", "已办结", "已回访", "直接答复"])
ANSWERED = 4
OFTEN_URGED = 3
"""A third call is an urge whoever makes it."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Tickets in order of time.

    Number, second of acceptance, leaf, street, place, caller, whether it is a request, its repeat group (0 for none) and
    which call of the group it is.
    """

    number: np.ndarray
    second: np.ndarray
    leaf: np.ndarray
    street: np.ndarray
    place: np.ndarray
    caller: np.ndarray
    is_request: np.ndarray
    group: np.ndarray
    calls: np.ndarray


@cache
def _paths() -> tuple[Vocabulary, Vocabulary, Vocabulary]:
    """Category paths of the leaves, channels, and units."""
    assumed = load_assumptions()
    category_1 = assumed.topics["category_1"].to_numpy()[assumed.topic_of_leaf]
    paths = [f"{one}->{two}->{three}" for one, two, three in zip(category_1, assumed.leaves["category_2"], assumed.leaves["category_3"], strict=True)]
    return Vocabulary(paths), Vocabulary(assumed.handling["channels"]["names"]), Vocabulary(unit_table(assumed).names)


class _Sheet:
    """Widens columns of requests to all rows."""

    def __init__(self, is_request: np.ndarray) -> None:
        self.is_request = is_request

    def time(self, seconds: np.ndarray) -> np.ndarray:
        """Seconds since 1970 as times."""
        whole = np.full(len(self.is_request), NEVER)
        whole[self.is_request] = seconds
        return whole.astype("datetime64[s]")

    def codes(self, codes: np.ndarray, other: int = -1) -> np.ndarray:
        """Codes, ``other`` where the row is no request."""
        whole = np.full(len(self.is_request), other, dtype=np.int32)
        whole[self.is_request] = codes
        return whole

    def number(self, values: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Numbers as floats, NaN where not known."""
        whole = np.full(len(self.is_request), np.nan)
        whole[self.is_request] = np.where(known, values, np.nan)
        return whole


def _chosen(rng: np.random.Generator, shares: list[float], count: int) -> np.ndarray:
    return np.minimum(np.searchsorted(np.cumsum(shares), rng.random(count) * np.sum(shares), side="right"), len(shares) - 1).astype(np.int32)


def delivered(
    rng: np.random.Generator, drawn: Drawn, events: Events, answers: Answers, unit: np.ndarray, progress: float
) -> dict[str, Words | Phrases | np.ndarray]:
    """The columns of one part; ``events``, ``answers`` and ``unit`` are of the requests alone."""
    sheet = _Sheet(drawn.is_request)
    columns: dict[str, Words | Phrases | np.ndarray] = {"工单编号": drawn.number}
    columns |= _what(rng, drawn, progress)
    columns |= _times(rng, sheet, drawn, events)
    columns |= _where(rng, drawn)
    columns |= _flow(rng, sheet, drawn, events, unit)
    columns |= _follow_up(rng, sheet, answers)
    return columns


def _what(rng: np.random.Generator, drawn: Drawn, progress: float) -> dict[str, Words | Phrases | np.ndarray]:
    assumed, texts = load_assumptions(), load_texts()
    paths, channels, _ = _paths()
    count, asked = len(drawn.number), drawn.is_request
    volume = assumed.volume
    other_shares = [volume["suggestion_share"], 1 - volume["suggestion_share"] - volume["praise_share"], volume["praise_share"]]
    kind = _chosen(rng, other_shares, count) + SUGGESTION
    kind[asked] = _chosen(rng, assumed.handling["flags"]["types"], int(asked.sum()))
    rule = assumed.handling["channels"]
    shares = np.asarray(rule["first"]) + progress * (np.asarray(rule["last"]) - np.asarray(rule["first"]))
    title_place = np.where(asked, drawn.place, -1)
    # an inquiry is titled by its question, a request by place and matter: one vocabulary each, the other one empty
    return {
        "工单类型": Words(TYPES, kind),
        "渠道": Words(channels, _chosen(rng, list(shares), count)),
        "问题分类": Words(paths, drawn.leaf),
        "标题": _titles(rng, drawn, title_place),
        "主要内容": _contents(rng, drawn),
        "企业名称": Words(texts.city.place_words, np.where(asked & _is_shop()[drawn.leaf], drawn.place, -1)),
        "来电人电话/账号": np.where(asked, drawn.caller, np.nan),
    }


@cache
def _is_shop() -> np.ndarray:
    assumed = load_assumptions()
    shops = set(assumed.texts["names"]["shops"])
    return np.array([where in shops for where in assumed.leaves["where"]])


@cache
def _title_words() -> tuple[Vocabulary, Vocabulary, int, int]:
    """Places and nothing; matters of requests, then the questions of inquiries: both with an end to fall back on."""
    texts = load_texts()
    places = [*texts.city.names, ""]
    matters = [*texts.titles.array.to_pylist(), *texts.asked.words.array.to_pylist()]
    return Vocabulary(places), Vocabulary(matters), len(places) - 1, len(texts.titles)


def _titles(rng: np.random.Generator, drawn: Drawn, place: np.ndarray) -> Phrases:
    texts = load_texts()
    places, matters, nowhere, questions = _title_words()
    chance = rng.random(len(place), dtype=np.float32) * np.float32(0.9999)
    asked = questions + texts.asked.pick(drawn.leaf, chance).codes
    return Phrases((Words(places, np.where(place < 0, nowhere, place)), Words(matters, np.where(drawn.is_request, drawn.leaf, asked))))


def _contents(rng: np.random.Generator, drawn: Drawn) -> Phrases:
    """Contents of requests; the first part is missing for others, and with it the whole text."""
    found = load_texts().contents(rng, drawn.leaf, drawn.street, drawn.place)
    first = Words(found.parts[0].vocabulary, np.where(drawn.is_request, found.parts[0].codes, -1))
    return Phrases((first, *found.parts[1:]))


def _times(rng: np.random.Generator, sheet: _Sheet, drawn: Drawn, events: Events) -> dict[str, Words | Phrases | np.ndarray]:
    # an inquiry is answered in the call: closed some minutes after it began
    closed = drawn.second + rng.integers(120, 900, len(drawn.second))
    closed[drawn.is_request] = events.closed
    return {
        "创建时间": drawn.second.astype("datetime64[s]"),
        "派单时间": sheet.time(events.dispatched),
        "签收时间": sheet.time(events.signed),
        "首次响应时间": sheet.time(events.responded),
        "办结时间": closed.astype("datetime64[s]"),
        "回访时间": sheet.time(events.followed_up),
        "更新时间": sheet.time(events.updated),
        "办理时限": sheet.time(events.due),
    }


def _where(rng: np.random.Generator, drawn: Drawn) -> dict[str, Words | Phrases | np.ndarray]:
    city, flags = build_city(), load_assumptions().handling["flags"]
    chance = rng.random(len(drawn.number), dtype=np.float32)
    placed = chance < np.where(drawn.is_request, flags["placed"], flags["placed_other"])
    in_district = placed | (rng.random(len(chance), dtype=np.float32) < flags["district_only"])
    exact = placed & drawn.is_request
    return {
        "被反映区": Words(city.district_words, np.where(in_district, city.district_of_street[drawn.street], -1)),
        "被反映街乡镇": Words(city.street_words, np.where(placed, drawn.street, -1)),
        "社区": Words(city.community_words, np.where(exact, city.community[drawn.place], -1)),
        "小区点位": Words(city.place_words, np.where(exact, drawn.place, -1)),
        "经度": np.where(exact, city.longitude[drawn.place], np.nan),
        "纬度": np.where(exact, city.latitude[drawn.place], np.nan),
    }


def _flow(rng: np.random.Generator, sheet: _Sheet, drawn: Drawn, events: Events, unit: np.ndarray) -> dict[str, Words | Phrases | np.ndarray]:
    assumed, texts = load_assumptions(), load_texts()
    flags, count = assumed.handling["flags"], len(unit)
    units = _paths()[2]
    returned = rng.random(count, dtype=np.float32) < flags["returned"]
    disputed = returned & (rng.random(count, dtype=np.float32) < flags["disputed_if_returned"])
    urged = rng.random(count, dtype=np.float32) < flags["urged"]
    calls = drawn.calls[drawn.is_request]
    group = drawn.group[drawn.is_request]
    state = np.select([events.followed_up > 0, events.closed > 0, events.signed > 0], [3, 2, 1], 0)
    role = [1 - flags["assist"] - flags["transfer"], flags["assist"], flags["transfer"]]
    yes = {name: np.where(rng.random(count, dtype=np.float32) < flags[name], 0, 1) for name in ("escalated", "whistle")}
    at_street = unit < build_city().streets
    topic = assumed.topic_of_leaf[drawn.leaf]
    closed = np.zeros(len(topic), bool)
    closed[drawn.is_request] = events.closed > 0
    every = np.ones(count, bool)
    return {
        "派单方式": Words(MODES, sheet.codes(_chosen(rng, flags["dispatch_modes"], count))),
        "承办单位": Words(units, sheet.codes(unit)),
        "工单性质": Words(ROLES, sheet.codes(_chosen(rng, role, count))),
        "紧急等级": Words(Vocabulary(["1", "2", "3", "4"]), sheet.codes(events.urgency)),
        "退单次数": sheet.number(returned * (1 + (rng.random(count) < flags["returned_again"])), every),
        "催办次数": sheet.number(urged * (1 + (rng.random(count) < flags["urged_again"])) + (calls >= OFTEN_URGED), every),
        "派单异议": Words(YES_NO, sheet.codes(np.where(disputed, 0, 1))),
        "督办": Words(YES_NO, sheet.codes(yes["escalated"])),
        "是否吹哨": Words(YES_NO, sheet.codes(np.where(at_street, yes["whistle"], 1))),
        "工单状态": Words(STATES, sheet.codes(state, ANSWERED)),
        "回复内容": texts.reply(rng, topic, closed),
        "重复来电组": sheet.number(group, group > 0),
        "多次来电次数": sheet.number(calls, every),
    }


def _follow_up(rng: np.random.Generator, sheet: _Sheet, answers: Answers) -> dict[str, Words | Phrases | np.ndarray]:
    texts = load_texts()
    assumed = load_assumptions()
    failed = answers.resolution > 0
    reason = rng.integers(0, len(texts.reasons), len(failed), dtype=np.int32)
    return {
        "是否响应": Words(YES_NO, sheet.codes(answers.responded)),
        "是否解决": Words(RESOLUTION, sheet.codes(answers.resolution)),
        "是否满意": Words(SATISFACTION, sheet.codes(answers.satisfaction)),
        "未解决原因": Words(texts.reasons, sheet.codes(np.where(failed, reason, -1))),
        "是否参评": Words(YES_NO, sheet.codes(np.where(answers.excluded >= 0, 1, 0))),
        "剔除原因": Words(Vocabulary(assumed.handling["flags"]["exclusion_reasons"]), sheet.codes(answers.excluded)),
    }
