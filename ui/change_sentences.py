"""What changed, in sentences: numbers that add up, each beyond chance, none counted twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui import words
from ui.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from governance.findings import Finding
    from ui.change_loaders import Against, Change

__all__ = ["AGAINST", "calendar", "head", "item", "largest", "name_of", "renames", "rest", "spoken"]

AGAINST: dict[Against, str] = {"year_ago": _("比去年"), "before": _("比上期")}
NEGLIGIBLE = 0.005
"""A calendar effect below this part of the count is not worth a line of its own; it is still in the sum."""


def head(change: Change, against: Against) -> str:
    """By how much requests changed, against which days."""
    moved = change.now_count - change.before_count
    base = _("去年同期") if against == "year_ago" else _("上期")
    if not moved:
        return _("诉求量与{base}（{span}）相同，{now} 件。").format(
            base=base, span=words.span(change.base.start, change.base.end), now=words.exact(change.now_count)
        )
    return _("诉求量 {now} 件，比{base}（{span}）{word} **{count}** 件（{share}）。").format(
        now=words.exact(change.now_count),
        base=base,
        span=words.span(change.base.start, change.base.end),
        word=_("多") if moved > 0 else _("少"),
        count=words.exact(abs(moved)),
        share=words.relative(change.relative),
    )


def calendar(change: Change) -> str:
    """What the kinds and number of days explain; empty where that is next to nothing."""
    effect = change.found.calendar_count
    if abs(effect) < max(1.0, NEGLIGIBLE * change.before_count):
        return _("两个时段的工作日、节假日相当，日历影响 {count} 件。").format(count=words.signed(effect)) if effect else ""
    return _("天数和工作日、节假日不同带来 **{count}** 件。").format(count=words.signed(effect))


def name_of(label: str | None, names: Mapping[str, str], unknown: str) -> str:
    """The screen name of a category or place; ``None`` is what was not recorded."""
    return unknown if label is None else names.get(label, label)


def _finding_name(finding: Finding, names: Mapping[str, str]) -> str:
    category = [name_of(label, {}, _("未分类")) for label in finding.evidence.categories[:1]]
    place = [name_of(code, names, _("未落图")) for code in finding.evidence.place_codes[:1]]
    return _(" · ").join([*category, *place])


def item(finding: Finding, names: Mapping[str, str], level: float) -> str:
    """One contribution with its interval, and its main parts; the rest of it closes the sum."""
    text = _("**{name} {count}** 件（{confidence}区间 {low} 至 {high}）").format(
        confidence=f"{1 - level:.0%}",
        name=_finding_name(finding, names),
        count=words.signed(finding.contribution_count),
        low=words.signed(finding.low),
        high=words.signed(finding.high),
    )
    if not finding.parts:
        return text
    by_place = not finding.evidence.place_codes
    parts = []
    for part in finding.parts:
        label = name_of(part.evidence.place_codes[0], names, _("未落图")) if by_place else name_of(part.evidence.categories[0], {}, _("未分类"))
        parts.append(f"{label} {words.signed(part.contribution_count)}")
    return _("{text}：{parts}，其余 {rest}").format(text=text, parts=_("、").join(parts), rest=words.signed(finding.rest_count))


def rest(change: Change) -> str:
    """What no item explains."""
    if not change.found.items:
        return _("增减分散在各类、各地，没有哪一项单独超出偶然波动。")
    if change.found.more_count:
        return _("其余 {count} 件在其他各类、各地，其中另有 {n} 项也超出偶然波动，未逐一列出。").format(
            count=words.signed(change.found.rest_count), n=change.found.more_count
        )
    return _("其余 {count} 件分散在各类、各地，没有哪一项单独超出偶然波动。").format(count=words.signed(change.found.rest_count))


def largest(change: Change) -> str:
    """The category that rose or fell most, calendar taken out."""
    row = change.rows.iloc[0]
    label = row["category"] if isinstance(row["category"], str) else None
    return _("增减最大的是{name}（{count} 件，已扣除日历影响）。").format(name=name_of(label, {}, _("未分类")), count=words.signed(row["contribution_count"]))


def renames(change: Change) -> list[str]:
    """Labels that may be old ones under a new name."""
    return [
        _("“{new}”可能由“{old}”改名而来（一减 {lost} 件，一增 {gained} 件），两者已合并比较。").format(
            new=found.new, old=found.old, lost=words.exact(found.lost_count), gained=words.exact(found.gained_count)
        )
        for found in change.found.renames
    ]


def spoken(change: Change, against: Against, names: Mapping[str, str]) -> list[str]:
    """All of it in order, for a wall screen or a reading voice."""
    lines = [head(change, against), calendar(change), *(item(finding, names, change.level) for finding in change.found.items), rest(change), *renames(change)]
    return [line for line in lines if line]
