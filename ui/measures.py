"""What each number on screen means: the registry behind 指标口径, and the policy in force."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from governance.policy import PolicyEntry, load_policy
from ui import words
from ui.words import _

__all__ = ["MEASURES", "Measure", "glossary_table", "measure_table", "policy_table", "status_word"]

GLOSSARY_FILE = Path(__file__).resolve().parent.parent / "docs" / "glossary.md"
GLOSSARY_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class Measure:
    """A number's name, its definition in one sentence, and its unit with range."""

    name: str
    definition: str
    unit: str


MEASURES: dict[str, Measure] = {
    "intake_count": Measure(_("受理量"), _("本时段受理的全部工单，含咨询、表扬，按受理日期计。"), _("件")),
    "request_count": Measure(_("诉求量"), _("受理量中可派单的诉求；重复来电是否并单、哪些类型计入，按当期政策。"), _("件")),
    "response_rate": Measure(_("响应率"), _("回访中答“已响应”的件数 ÷ 问过是否响应的参评件数；无回访时不计算。"), _("0–100%")),
    "resolution_rate": Measure(_("解决率"), _("回访中答“已解决”的件数 ÷ 对是否解决有有效回答的参评件数；无回访时不计算。"), _("0–100%")),
    "satisfaction_rate": Measure(_("满意率"), _("回访中答“满意”或“基本满意”的件数 ÷ 对是否满意有有效回答的参评件数；无回访时不计算。"), _("0–100%")),
    "overdue_count": Measure(
        _("超期"), _("诉求量中超过办理时限才办结、或到数据截至日仍未办结的件数；时限取工单所写，没有时按紧急等级从派单起算（假定）。"), _("件")
    ),
    "against_own": Measure(_("与常年同期相比"), _("本月诉求量比自己前几年（至多三年）同月平均多或少的百分比；平均不足政策规定的件数时不计算。"), _("%")),
    "open_count": Measure(_("未办结"), _("诉求量中到数据截至时尚无办结时间的件数；越近的时段天然越多。"), _("件")),
    "change_before": Measure(_("环比"), _("与上一个同长时段相比：件数为增减百分比，比率为百分点之差；未过完的时段按相同天数比较。"), _("% 或百分点")),
    "change_year_ago": Measure(_("同比"), _("与去年同期相比：日、周退 364 天以对齐星期，月、年按日历。"), _("% 或百分点")),
    "contribution": Measure(
        _("变化原因"),
        _("诉求量的增减拆成日历影响（天数、工作日和节假日不同）和各分类、各地的增减，合计恰等于总增减；只列超出偶然波动的（控制误报比例，见政策）。"),
        _("件"),
    ),
    "unplaced": Measure(_("未落图"), _("地点不在区划表中的工单：照常计入全市，不画在图上。"), _("件")),
    "request_change": Measure(_("诉求量同比"), _("本月诉求量比去年同月增减的百分比；未过完的月份按相同天数比较。"), _("%")),
    "requests_per_10k": Measure(
        _("万人诉求比"), _("诉求量 ÷ 常住人口（万人）；人口取自边界文件或随城市配置的普查数，为估计值，没有人口时不计算。"), _("件每万人")
    ),
    "unresolved_count": Measure(_("未解决件数"), _("对是否解决有有效回答的参评件数中，未答“已解决”的件数；无回访时不计算。"), _("件")),
    "overdue_share": Measure(_("超期占比"), _("超过办理时限的件数 ÷ 有办理时限的诉求件数；没有时限时不计算。"), _("0–100%")),
    "open_share": Measure(_("未办结占比"), _("未办结件数 ÷ 诉求量；越近的月份天然越高，只与同月的同级比。"), _("0–100%")),
    "consultation_share": Measure(_("咨询占比"), _("咨询件数 ÷ 受理量。"), _("0–100%")),
    "top_problem_share": Measure(_("首位问题占比"), _("诉求最多的一类问题的件数 ÷ 诉求量；行业体检时按二级分类。"), _("0–100%")),
    "checkup_status": Measure(
        _("体检状态"),
        _("与近12个月中位数、同级中位数比，差到政策规定的程度且超出偶然波动（在95%区间之外），为关注或预警；无数据、样本不足或没有可比对象时不评。"),
        _("四种之一"),
    ),
    "small_base": Measure(_("样本不足"), _("有效回访少于政策规定的件数，比率仅供参考，不排名。"), _("件")),
    "usual_count": Measure(_("平时件数"), _("近一年（364天）平均每天的诉求量乘以28；未送达的日子不计。"), _("件")),
    "expected_count": Measure(_("预计件数"), _("截止日所知的数据下，一个四周窗口诉求量的期望值；区间为这四周合计本身的，不由逐日区间相加。"), _("件")),
    "busy_probability": Measure(_("转旺可能"), _("一个四周窗口的诉求量达到平时件数规定倍数（见规则）的概率。"), _("0–100%")),
    "warning_precision": Measure(_("查准率"), _("到期的季节预警中，窗口内诉求量确实达到预警线的条数 ÷ 到期预警的条数；没有到期的不计算。"), _("0–100%")),
    "warning_recall": Measure(_("查全率"), _("确实转旺的窗口中，事先发过预警的个数 ÷ 转旺窗口的个数；只有回放能知道漏报。"), _("0–100%")),
    "local_expected": Measure(_("预期件数（热点）"), _("全市同期这一问题的件数 × 这个地方（或单位）往年在其中所占的份额；全市的季节和涨落不算特别。"), _("件")),
    "hotspot_class": Measure(
        _("热点类别"), _("一个地方近十二个月的冷热经过归成一个词：新增、连续、加剧、持续、减弱、零星、震荡、历史；当月是否为热点按误报率判定。"), _("八种之一")
    ),
    "hotspot_recurrence": Measure(_("偶然重现间隔"), _("若各地只有偶然波动，每周扫描全部问题，平均多少天才会出现一次这样显著的集中。"), _("天")),
    "hotspot_q": Measure(_("误报率q"), _("把同样显著的地区都算作热点时，其中误报的期望占比（Benjamini–Hochberg）。"), _("0–1")),
    "warning_lead": Measure(_("提前量"), _("命中的预警从第一次发出到窗口第一天的天数。"), _("天")),
}


def measure_table() -> pd.DataFrame:
    """The registry as a table for the screen."""
    rows = [(item.name, item.definition, item.unit) for item in MEASURES.values()]
    return pd.DataFrame(rows, columns=[_("指标"), _("定义"), _("单位与范围")])


def status_word(status: str) -> str:
    """Whether a policy value was published or is assumed, as symbol and word."""
    return _("● 已公布") if status == "published" else _("○ 假定")


def _value_text(value: Any, unit: str) -> str:
    if isinstance(value, dict):
        named = [(_("{key}级").format(key=key) if key not in ANSWERS else ANSWERS[key], item) for key, item in value.items() if item]
        return _("、").join(_("{name} {value}{unit}").format(name=name, value=item, unit=unit) for name, item in named)
    if isinstance(value, (list, tuple)):
        return _("、").join(ANSWERS.get(str(item), str(item)) for item in value)
    return ANSWERS.get(str(value), str(value)) + unit


ANSWERS: dict[str, str] = {
    **{str(item): name for item, name in words.LABELS.items()},
    "resolved": _("已解决"),
    "partly": _("部分解决"),
    "satisfied": _("满意"),
    "basically": _("基本满意"),
    "first": _("只计最早一件"),
    "all": _("逐件计数"),
    "flagged": _("按工单标记"),
    "past_watch": _("与过去比关注"),
    "past_alert": _("与过去比预警"),
    "peer_watch": _("与同级比关注"),
    "peer_alert": _("与同级比预警"),
    "response": _("响应率"),
    "resolution": _("解决率"),
    "satisfaction": _("满意率"),
    "excellent": _("优秀"),
    "good": _("良好"),
    "fair": _("一般"),
    "level": _("区间"),
    "answer_correlation": _("三率回答的相关"),
    "peers": _("同类家数"),
    "first_ranks": _("位次"),
    "of_months": _("几个月内"),
    "per_10k_share": _("万人诉求比分位"),
    "per_10k_months": _("万人诉求比连续月数"),
    "beyond_rank": _("位次之外"),
    "months": _("月数"),
    "rise": _("同比上升"),
    "rise_months": _("连续月数"),
    "last": _("月末在册"),
    "any": _("月内在册过"),
    "seasonal_times": _("往年同期倍数"),
    "special_share": _("同热地区比例"),
    "source_spells": _("同地第几次"),
    "unit_count": _("单位家数"),
    "unit_share": _("单位占比"),
    "leader": _("市领导"),
    "planner": _("规划专班"),
    "district": _("每个区"),
    "subdistrict": _("每个街乡镇"),
    "enter": _("发出"),
    "leave": _("缓解"),
    "least": _("最少"),
    "most": _("最多"),
}


def _in_force_text(item: PolicyEntry, on: date) -> str:
    until = words.day(item.effective_to) if item.effective_to else _("今")
    return _("{state}：{start}至{until}").format(state=_("现行") if item.in_force(on) else _("非现行"), start=words.day(item.effective_from), until=until)


def policy_table(on: date) -> pd.DataFrame:
    """Every policy entry, those in force on a day first, with status, source and dates."""
    entries = sorted(load_policy().entries, key=lambda item: (not item.in_force(on), item.rule, item.effective_from))
    rows = [
        (
            item.chinese,
            _value_text(item.value, item.unit),
            status_word(item.status),
            _in_force_text(item, on),
            item.source,
        )
        for item in entries
    ]
    return pd.DataFrame(rows, columns=[_("规则"), _("取值"), _("依据"), _("有效期"), _("来源")])


def glossary_table(path: Path = GLOSSARY_FILE) -> pd.DataFrame:
    """The six-column tables of the glossary, joined; empty where the file is absent."""
    columns = [_("中文"), _("标识"), _("英文"), _("定义"), _("单位与范围"), _("来源")]
    rows: list[list[str]] = []
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            cells = [cell.strip().replace("`", "") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
            if line.startswith("|") and len(cells) == GLOSSARY_COLUMNS and cells[1] != "identifier" and set(cells[0]) - set("-: "):
                rows.append(cells)
    return pd.DataFrame(rows, columns=columns)
