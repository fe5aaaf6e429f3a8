"""Screen words: gettext with Chinese message ids, names of enumerations, number and date formats."""

from __future__ import annotations

import gettext
import math
from datetime import date
from enum import Enum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from governance.periods import Grain
from governance.tickets import Channel, RequestType
from storage.scope import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from governance.periods import Period

__all__ = [
    "DASH",
    "count",
    "day",
    "exact",
    "label",
    "many",
    "month",
    "percent",
    "period_name",
    "points",
    "relative",
    "short_span",
    "signed",
    "span",
]

LOCALE_DIRECTORY = Path(__file__).resolve().parent.parent / "locale"
_ = gettext.translation("weisu", localedir=str(LOCALE_DIRECTORY), fallback=True).gettext

DASH = "—"
TEN_THOUSAND = 10_000
HUNDRED_THOUSAND = 100_000
HUNDRED_MILLION = 100_000_000

LABELS: Mapping[Enum, str] = {
    Role.LEADER: _("市领导"),
    Role.PLANNER: _("规划专班"),
    Role.DEPARTMENT: _("委办局"),
    Role.DISTRICT: _("区"),
    Role.SUBDISTRICT: _("街乡镇"),
    Role.ADMIN: _("管理员"),
    Grain.DAY: _("日"),
    Grain.WEEK: _("周"),
    Grain.MONTH: _("月"),
    Grain.YEAR: _("年"),
    Grain.RANGE: _("自定"),
    RequestType.REQUEST: _("诉求"),
    RequestType.COMPLAINT: _("投诉"),
    RequestType.HELP: _("求助"),
    RequestType.REPORT: _("举报"),
    RequestType.SUGGESTION: _("建议"),
    RequestType.INQUIRY: _("咨询"),
    RequestType.PRAISE: _("表扬"),
    Channel.PHONE: _("电话"),
    Channel.WECHAT: _("微信"),
    Channel.WEIBO: _("微博"),
    Channel.WEBSITE: _("网站"),
    Channel.APP: _("手机应用"),
    Channel.PEOPLE_DAILY: _("人民网留言"),
    Channel.STATE_COUNCIL: _("国务院转办"),
    Channel.ENTERPRISE_LINE: _("企业热线"),
    Channel.SELF_SERVICE: _("自助终端"),
    Channel.PARK_MAILBOX: _("园区信箱"),
    Channel.POLICE_110: _("110转办"),
    Channel.GRID: _("网格"),
    Channel.OTHER: _("其他"),
}


def label(item: StrEnum) -> str:
    """Screen name of an enumeration value."""
    return LABELS[item]


def _is_missing(value: float | None) -> bool:
    return value is None or math.isnan(value)


def _compact(value: float, unit: float, word: str) -> str:
    quotient = value / unit
    return f"{quotient:,.2f}" + word


def count(value: float | None) -> str:
    """A number of things for a card: 29,951, 12.35万, 1.20亿; a dash where unknown.

    Below a hundred thousand every digit is shown: 2.99万 would hide whether the count moved, and is no shorter.
    """
    if value is None or _is_missing(value):
        return DASH
    if abs(value) >= HUNDRED_MILLION:
        return _compact(value, HUNDRED_MILLION, _("亿"))
    if abs(value) >= HUNDRED_THOUSAND:
        return _compact(value, TEN_THOUSAND, _("万"))
    return f"{value:,.0f}"


def exact(value: float | None) -> str:
    """A number of things to the last digit: 123,456."""
    return DASH if value is None or _is_missing(value) else f"{value:,.0f}"


def signed(value: float) -> str:
    """A number of things more or fewer, sign first: +3,081, -12, 0."""
    return f"{value:+,.0f}" if round(value) else "0"


def percent(rate: float | None, reason: str = "") -> str:
    """A fraction in [0, 1] as a percentage with one decimal; a dash with the reason where undefined."""
    if rate is None or _is_missing(rate):
        return _("{dash}（{reason}）").format(dash=DASH, reason=reason) if reason else DASH
    return f"{rate * 100:.1f}%"


def relative(change: float | None) -> str:
    """A relative change with its sign first, so that a metric card reads the direction from it."""
    if change is None or _is_missing(change):
        return DASH
    return f"{change * 100:+.1f}%".replace("+0.0%", "0.0%").replace("-0.0%", "0.0%")


def points(difference: float | None) -> str:
    """A difference of two fractions in percentage points, sign first."""
    if difference is None or _is_missing(difference):
        return DASH
    text = f"{difference * 100:+.1f}".replace("+0.0", "0.0").replace("-0.0", "0.0")
    return text + _("百分点")


def many(template: str, **values: object) -> str:
    """A sentence with named places filled in; the template is the message id."""
    return template.format(**values)


def day(value: date) -> str:
    """A date as 2026年11月21日."""
    return _("{year}年{month}月{day}日").format(year=value.year, month=value.month, day=value.day)


def month(value: date) -> str:
    """The month of a date as 2026年11月."""
    return _("{year}年{month}月").format(year=value.year, month=value.month)


def short_span(start: date, end: date) -> str:
    """First and last day without the year: 10月1日–7日, 11月15日–3月15日."""
    first, last = (_("{month}月{day}日").format(month=day.month, day=day.day) for day in (start, end))
    if start == end:
        return first
    return f"{first}–{last}" if (start.year, start.month) != (end.year, end.month) else _("{first}–{day}日").format(first=first, day=end.day)


def span(start: date, end: date) -> str:
    """First and last day of a period, the year written once where it is the same."""
    if start == end:
        return day(start)
    tail = _("{month}月{day}日").format(month=end.month, day=end.day) if start.year == end.year else day(end)
    return _("{start}至{end}").format(start=day(start), end=tail)


def period_name(period: Period) -> str:
    """A period in words: 2026年11月(截至20日), 2026年, or its first and last day."""
    start, end = period.start, period.end
    match period.grain:
        case Grain.MONTH | Grain.YEAR:
            whole = type(period).containing(period.grain, start)
            name = month(start) if period.grain is Grain.MONTH else _("{year}年").format(year=start.year)
            return name if end == whole.end else _("{name}（截至{month}月{day}日）").format(name=name, month=end.month, day=end.day)
        case _:
            return span(start, end)
