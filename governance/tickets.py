"""The ticket contract: which fields a ticket has, in which type and unit, and what a valid value is.

The contract is data. ``storage`` compiles it to checks that run at file speed, the glossary and the
tests read it too; nothing else in the project lists the fields of a ticket again.
Source: the union of the two documented Beijing schemas and the hotline service standard
(DB11/T 2021-2022), see ``docs/glossary.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

__all__ = [
    "CONTRACT",
    "EARLIEST_ACCEPTED_ON",
    "EVENT_FIELDS",
    "FIELDS",
    "FREE_TEXT_FIELDS",
    "Channel",
    "DispatchMode",
    "Field",
    "Kind",
    "RequestType",
    "Resolution",
    "Satisfaction",
    "TicketRole",
    "Urgency",
    "enum_of",
    "field",
]

CONTRACT = 1
"""Raised when a change to the fields or checks makes files worth reading again."""

EARLIEST_ACCEPTED_ON = date(1987, 1, 1)
"""The hotline's first line was opened in 1987; an earlier date is a typing error."""


class RequestType(StrEnum):
    """What the caller wants (工单类型)."""

    REQUEST = "request"
    COMPLAINT = "complaint"
    HELP = "help"
    REPORT = "report"
    SUGGESTION = "suggestion"
    INQUIRY = "inquiry"
    PRAISE = "praise"


class Channel(StrEnum):
    """How the ticket arrived (渠道)."""

    PHONE = "phone"
    WECHAT = "wechat"
    WEIBO = "weibo"
    WEBSITE = "website"
    APP = "app"
    PEOPLE_DAILY = "people_daily"
    STATE_COUNCIL = "state_council"
    ENTERPRISE_LINE = "enterprise_line"
    SELF_SERVICE = "self_service"
    PARK_MAILBOX = "park_mailbox"
    POLICE_110 = "police_110"
    GRID = "grid"
    OTHER = "other"


class Urgency(StrEnum):
    """The four-level response (四级响应); the time limit of each level is dated policy."""

    HOURS_2 = "1"
    HOURS_24 = "2"
    DAYS_7 = "3"
    DAYS_15 = "4"


class Resolution(StrEnum):
    """The caller's answer at follow-up to "is it resolved?" (是否解决)."""

    RESOLVED = "resolved"
    PARTLY = "partly"
    UNRESOLVED = "unresolved"


class Satisfaction(StrEnum):
    """The caller's answer at follow-up to "are you satisfied?" (是否满意)."""

    SATISFIED = "satisfied"
    BASICALLY = "basically"
    DISSATISFIED = "dissatisfied"
    NOT_RATED = "not_rated"


class DispatchMode(StrEnum):
    """How the ticket reached its unit (派单方式)."""

    DIRECT = "direct"
    FORWARDED = "forwarded"
    DUAL = "dual"


class TicketRole(StrEnum):
    """The unit's part in the ticket (工单性质)."""

    LEAD = "lead"
    ASSIST = "assist"
    TRANSFER = "transfer"


class Kind(StrEnum):
    """The type of a field, which decides how a delivered value is read and checked."""

    LABEL = "label"  # one line, at most 200 characters
    TEXT = "text"  # free text, masked on the way in
    TIME = "time"  # local time of the city, no zone
    ENUM = "enum"
    FLAG = "flag"  # true, false or unknown
    COUNT = "count"  # whole number, not negative
    NUMBER = "number"
    LABELS = "labels"  # several labels
    CALLER = "caller"  # phone number or account: stored only as a keyed hash


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a ticket.

    Parameters
    ----------
    name
        Column in the lake; also the key used by a city profile.
    chinese
        The name on screen and in the delivered files of the reference schema.
    kind
        How a value is read and checked.
    required
        A row without it cannot be kept and is quarantined.
    enum
        The allowed values where ``kind`` is ``ENUM``.
    unit
        Unit of a number, empty where none applies.
    low, high
        Inclusive range of a number.
    """

    name: str
    chinese: str
    kind: Kind
    required: bool = False
    enum: type[StrEnum] | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None


FIELDS: tuple[Field, ...] = (
    Field("ticket_id", "工单编号", Kind.LABEL, required=True),
    Field("request_type", "工单类型", Kind.ENUM, enum=RequestType),
    Field("channel", "渠道", Kind.ENUM, enum=Channel),
    Field("accepted_at", "创建时间", Kind.TIME, required=True),
    Field("dispatched_at", "派单时间", Kind.TIME),
    Field("signed_at", "签收时间", Kind.TIME),
    Field("responded_at", "首次响应时间", Kind.TIME),
    Field("closed_at", "办结时间", Kind.TIME),
    Field("followed_up_at", "回访时间", Kind.TIME),
    Field("updated_at", "更新时间", Kind.TIME),
    Field("category_1", "一级分类", Kind.LABEL),
    Field("category_2", "二级分类", Kind.LABEL),
    Field("category_3", "三级分类", Kind.LABEL),
    Field("tags", "标签", Kind.LABELS),
    Field("title", "标题", Kind.TEXT),
    Field("content", "主要内容", Kind.TEXT),
    Field("district", "被反映区", Kind.LABEL),
    Field("subdistrict", "被反映街乡镇", Kind.LABEL),
    Field("community", "社区(村)", Kind.LABEL),
    Field("place", "问题点位", Kind.TEXT),
    Field("longitude", "经度", Kind.NUMBER, unit="°", low=-180, high=180),
    Field("latitude", "纬度", Kind.NUMBER, unit="°", low=-90, high=90),
    Field("caller", "来电人电话/账号", Kind.CALLER),
    Field("enterprise", "被诉主体", Kind.LABEL),
    Field("dispatch_mode", "派单方式", Kind.ENUM, enum=DispatchMode),
    Field("handling_unit", "承办单位", Kind.LABEL),
    Field("ticket_role", "工单性质", Kind.ENUM, enum=TicketRole),
    Field("urgency", "紧急等级", Kind.ENUM, enum=Urgency),
    Field("due_at", "办理时限", Kind.TIME),
    Field("return_count", "退单次数", Kind.COUNT, unit="次", low=0, high=10_000),
    Field("urge_count", "催办次数", Kind.COUNT, unit="次", low=0, high=10_000),
    Field("is_disputed", "派单异议", Kind.FLAG),
    Field("is_escalated", "督办", Kind.FLAG),
    Field("is_whistle", "吹哨", Kind.FLAG),
    Field("status", "工单状态", Kind.LABEL),
    Field("reply", "回复内容", Kind.TEXT),
    Field("is_responded", "是否响应", Kind.FLAG),
    Field("resolution", "是否解决", Kind.ENUM, enum=Resolution),
    Field("satisfaction", "是否满意", Kind.ENUM, enum=Satisfaction),
    Field("unresolved_reason", "未解决原因", Kind.TEXT),
    Field("is_assessed", "是否参评", Kind.FLAG),
    Field("exclusion_reason", "剔除原因", Kind.LABEL),
    Field("repeat_group", "重复来电组", Kind.LABEL),
    Field("repeat_count", "多次来电次数", Kind.COUNT, unit="次", low=0, high=1_000_000),
    Field("sentiment_score", "情感", Kind.NUMBER, low=-1, high=1),
    Field("risk_level", "风险等级", Kind.LABEL),
    Field("group_complaint", "群体性簇", Kind.LABEL),
)

_BY_NAME = {item.name: item for item in FIELDS}

EVENT_FIELDS: tuple[str, ...] = (
    "dispatched_at",
    "signed_at",
    "responded_at",
    "closed_at",
    "followed_up_at",
)
"""Times that cannot lie before acceptance; together with ``updated_at`` they date a ticket's version."""

FREE_TEXT_FIELDS: tuple[str, ...] = tuple(item.name for item in FIELDS if item.kind is Kind.TEXT)


def field(name: str) -> Field:
    """The field of that name.

    Raises
    ------
    KeyError
        There is no such field; the message lists the ones there are.
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        allowed = ", ".join(_BY_NAME)
        message = f"ticket has no field {name!r}; it has: {allowed}"
        raise KeyError(message) from None


def enum_of(item: Field) -> type[StrEnum]:
    """The enumeration of an ``ENUM`` field.

    Raises
    ------
    TypeError
        The field is of another kind.
    """
    if item.enum is None:
        message = f"field {item.name!r} is of kind {item.kind}, not an enumeration"
        raise TypeError(message)
    return item.enum
