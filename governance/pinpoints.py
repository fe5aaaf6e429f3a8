"""The place an address names (点位): a compound, a crossing, a market, a school ...; never a house, building, unit or room."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import pandas as pd

__all__ = ["Pinpoint", "PinpointKind", "point_of", "points_of"]

LONGEST = 200
"""Characters of a text that are looked at: an address is shorter, a story is none."""


class PinpointKind(StrEnum):
    """What kind of place a pinpoint is (点位类型)."""

    COMPOUND = "compound"
    VILLAGE = "village"
    CROSSING = "crossing"
    ROAD = "road"
    SITE = "site"
    MARKET = "market"
    SCHOOL = "school"
    HOSPITAL = "hospital"
    STATION = "station"
    PARK = "park"
    BUILDING = "building"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Pinpoint:
    """A named place: ``name`` is normalised, so that two spellings of one place are one."""

    name: str
    kind: PinpointKind


# --- Chinese addresses ------------------------------------------------------------------------------------------------

HAN = re.compile(r"[\u4e00-\u9fff]")
DIGITS = r"[\d零\u3007一二三四五六七八九十百]"
BRACKETS = re.compile(r"[(\[{【\u3014《<「“\"]([^()\[\]{}【】\u3014\u3015《》<>「」“”\"]*)[)\]}】\u3015》>」”\"]")
ZONE = rf"(?:[东西南北中新老]?(?:{DIGITS}|[甲乙丙丁A-Z]){{1,2}}[区期]|[东西南北中][区院里]|[东西南北中]?{DIGITS}{{1,2}}[里村])"
ZONE_ALONE = re.compile(ZONE)

NUMBERS = re.compile(
    rf"(?:地铁|轨道交通)?{DIGITS}+号线(?:地铁)?"
    rf"|[甲乙丙丁副附临东西南北]*{DIGITS}+(?:[-—–~至、/.]{DIGITS}+)*[甲乙丙丁A-Z]?号(?:商住|居民|住宅|公寓|办公|商业|科研)?[楼院门店铺]?"
    rf"|[A-Z\d零\u3007一二三四五六七八九十百]+(?:[-—–~至、/]\d+)*(?:单元|栋|幢|门(?!诊|头沟|牌)|室(?!内)|户|弄|梯|排|层|#楼?|房(?!山|地|屋|产))"
    r"|[A-Z\d]+(?:座|楼)|[零\u3007一二三四五六七八九十百]+楼"
    r"|\d+路(?:公交车?|车|内环|外环)?|\d+(?:[-—–~/#.]+\d+)+|#\d*|\d{3,}(?![\u4e00-\u9fff])"
)
"""House, building, unit, room and line numbers; what is left of a text never holds one."""

LEFTOVER = re.compile(rf"(?:{DIGITS}|[A-Z])+(?:号楼|号院|号|单元|室)|\d+$")
BREAK = "|"
BREAKS = re.compile(r"\|{2,}|\|$")
PUNCTUATION = re.compile(r"[\s,，。；;！!?？:：*…·~～`'‘’]+")
LOCATORS = re.compile(
    r"(?:[东西南北正侧]{0,2}(?:对面|旁边|附近|周边|(?:[东西南北正后前侧]门|门)口(?!袋)|路口旁|外围|内部?(?=$|\|)|里面|楼下|楼上|地下(?:车库|停车场)|(?<!^)(?<!\|)[东西南北正后前侧]门(?!口袋)|[东西南北]{1,2}(?:侧|面|边|角|出口|入口)))"
    r"|隔壁|出入口|停车场|旁(?=$|\||[\u4e00-\u9fff])|以[东西南北]|与(?=$|\|)|(?<=区)内|与|到"
    r"|业主|居民(?!区)|物业|开发商|反对|扰民|违[规建法]|噪音|施工(?!现场)|收费|强制|公共区域|什么|如何|为何|何时|是否|能否|可否|问题|存在|楼盘|小孩|房产证|房屋|质量|绿化带|消防(?!队|站|局)|楼道"
)
"""Words that end a name: where something lies beside it, who lives there, what is wrong."""
LEADS = re.compile(
    r"^(?:反映|投诉|举报|咨询|关于|请问|请求|请|希望|强烈|再次|要求|建议|呼吁|质疑|求助|解决|整修|对于|对(?!外)|靠(?!山)|位于|坐落于?|居?住在|家住|靠近|临近|在|市民|来电人|居民|我们?|本人|的|与|给|、)+"
)
ADMIN = (
    ("省区", re.compile(r"^[\u4e00-\u9fff]{2,3}(?:省|自治区)(?!道)")),
    ("市", re.compile(r"^(?:[A-Z]\d{0,2}|[\u4e00-\u9fff]{2}[\u4e00-\u9fff]?(?<![超城菜夜门集早都闹花]))市(?!场|政|民|集|区|容)")),
    ("区县", re.compile(r"^(?:[A-Z]\d{0,2}|[\u4e00-\u9fff]{2,4}(?<![小园校院厂片景库社牧林辖住东西南北中一二三四五六七八九十甲乙丙丁]))[区县](?!间)")),
    ("道区", re.compile(r"^[\u4e00-\u9fff]{2,6}(?:街道办事处|街道办|街道|地区)(?!$|政府|卫生|社区卫生|中学|小学)")),
    ("镇乡", re.compile(r"^[\u4e00-\u9fff]{2,4}[镇乡](?!$|政府|中学|小学|中心|卫生|[路街村大])")),
    ("区会村", re.compile(r"^[\u4e00-\u9fff]{2,8}?(?:社区|村委会|居委会|行政村)(?!卫生|医院|服务|中心|活动|公园|食堂|养老)")),
)

ROAD_END = (
    r"(?:大街|大道|胡同|公路|高速|环路|[二三四五六]环(?!路)|路(?<![道马铁套]路)(?!灯|线|面|由|况|过|政|费|桥|牌|障|人|劲|网)|街(?!道|坊|区|面|心|边|角)|巷"
    r"|道(?<![街车行通管渠频隧轨便跑步报知匝过盲楼]道)(?!路|观|口|闸|具|歉|理|士))"
)
ROAD = rf"[\u4e00-\u9fffA-Z\d]{{1,7}}?{ROAD_END}(?:[东西南北中](?=$|\||与|和|段))?"
CROSS_WORD = r"(?:[交岔]?叉路?口|岔路口?|交汇处?|交界处?|相交处?|交叉处?|交会处?|十字路?口|丁字路?口|交口|路口|口|红绿灯|转角|拐角)"
JOINT = r"(?:与|和|跟|及|同|、|/|&|-|—|\+)"
CROSSING = re.compile(rf"({ROAD}){JOINT}({ROAD})(?!之间|至)|({ROAD})({ROAD})的?{CROSS_WORD}")
ONE_ROAD_CROSSING = re.compile(rf"({ROAD}|[\u4e00-\u9fff]{{2,5}}?(?=路口|十字路口))(?:十字|丁字)?(?:路?口|红绿灯)(?=$|\||[东西南北的处旁,附红]|路?灯|信号)")
ROAD_ALONE = re.compile(ROAD)
NO_ROAD = re.compile(
    r"^.?(?:道路|马路|公路|铁路|.*线路|电路|小路|主路|辅路|土路|水泥路|柏油路|断头路|套路|网路|出路|沿路|临街|沿街|一条街|逛街|上街|知道|人行道|高速|大街|大道|胡同|.环路)$|^(?:这条|那条|一条|整条)"
)

STEM = re.compile(r"[\u4e00-\u9fffA-Z\d]{1,14}$")
END = r"(?=$|\||小区)"
SUFFIXES: tuple[tuple[PinpointKind, str], ...] = (
    (PinpointKind.SCHOOL, r"幼儿园|小学|中学|学校|大学(?!生|城)|学院(?!路|街)|职校|附[小中]|第?[一二三四五六七八九十]中(?=$|\|)"),
    (PinpointKind.HOSPITAL, r"医院|卫生服务中心|卫生服务站|卫生院|卫生站|门诊部|诊所|保健院"),
    (
        PinpointKind.STATION,
        r"地铁站|公交站|火车站|客运站|高铁站|汽车站|车站|首末站|交通枢纽|客运枢纽|(?<!油)(?<!电)(?<!圾)(?<!气)(?<!转)(?<!务)(?<!送)(?<!收)(?<!测)(?<!热)(?<!泵)(?<!网)站(?=$|\||[A-Z]口|出)",
    ),
    (PinpointKind.MARKET, r"市场(?!价|监)|超市|商场|购物中心|购物广场|商城|百货|集市|大集"),
    (PinpointKind.PARK, r"公园(?!城|里|府|路)|动物园|植物园|游乐园|文化广场|市民广场|景区|绿地(?=$|\|)"),
    (PinpointKind.SITE, r"工地|项目部|项目(?=$|\|)|施工现场|地块"),
    (PinpointKind.BUILDING, r"大厦|写字楼|广场(?!舞)|酒店|宾馆|饭店|大楼|商务楼|中心(?=$|\|)|SOHO"),
    (
        PinpointKind.COMPOUND,
        r"家园|花园|小区|公寓|新村(?!镇)|嘉园|佳园|名苑|雅苑|名邸|华府|华庭|庭院|山庄|别墅区?|家属[院区楼]?|宿舍(?!楼?管)|苑"
        rf"|(?:[园里府邸城湾郡轩居阁庭墅院坊庄])(?={ZONE}?(?:$|\||小区))|(?:御园|新城|名城)(?!建)",
    ),
    (
        PinpointKind.OTHER,
        r"派出所|养老院|敬老院|加油站|充电站|垃圾(?:中转)?站|变电站|配送站|检测站|公厕|立交桥|大桥|天桥|桥(?=$|\|)|产业园区?|工业园区?|科技园区?|园区|服务大厅|(?<=[区县镇乡])政府|办事处|旅行社|银行"
        r"|(?:有限|责任|股份)*公司|工作室|俱乐部|门店|商行|沙龙|服务部|餐馆|(?:[店馆厂部厅局寺陵园班])(?=$|\|)",
    ),
    (PinpointKind.VILLAGE, r"(?<![农乡])村(?!民|委|干|级|里|镇|口|书|支|组)"),
)
NAMED = tuple((kind, re.compile(rf"({suffix})({ZONE})?")) for kind, suffix in SUFFIXES)
GENERIC = (
    r"(?:第?[一二三四五六七八九十]+|中心|实验|附属|中医|综合|社区|卫生服务|街道|人民|便民|政务|文化|市民|口袋|街心|滨河|改造|维修|建设|服务)*"
    r"(?:幼儿园|小学|[小中附]学?|学校|医院|门诊部|卫生服务[中心站]*|中心|公园|广场|大厅|市场|超市|车站|公交站|地铁站|站|项目部?|工地|派出所|公司|大厦|大楼|[店馆厂部局村桥])$"
)
BEFORE = re.compile(
    rf"^.*(?:反映|投诉|举报|关于|请问|位于|我[们是]|[A-Z]\d{{0,2}}[市区县]|街道|社区(?!卫生|服务|医院)|的|[\u4e00-\u9fff]{{2}}{ROAD_END})(?=.{{2}})(?!{GENERIC})"
)
"""What stands before a name inside one run of characters: a road, a district, a phrase. A name that says only "first school" keeps its road."""

NO_NAME = re.compile(
    r"^(?:[某该本此各全我这那每整个一]+|附近|周边|多个|小区|居民|住宅|商业|公租房|施工|建筑|农贸|菜|大型|地铁|公交|门口|楼下|物业|业主|新建|在建|卫生|服务|便民|街道|社区|市|区|县)*$"
)
DOUBLED = re.compile(rf"((?<=..)(?:家园|花园|公寓|新村|[苑里园府邸城湾郡轩居阁庭墅院])(?:{ZONE})?)小区(?=(?:{ZONE})?$)")
"""A compound with two endings: the second says nothing more."""
SPEECH = re.compile(r"[是个了很吗呢被把让没变卖]|当(?!代)|不(?=能|让|是|会|给|要|得|足|合|达|交|发|明)")
"""Words of a sentence; a name has none."""
COUNT = re.compile(r"^\d+(?!中|医院|中学|小学|学校|艺术)")


def point_of(address: str | None) -> Pinpoint | None:
    """The pinpoint an address names.

    Parameters
    ----------
    address
        An address or the name of a place, Chinese or English; None or empty where there is none.

    Returns
    -------
    Pinpoint or None
        None where the text names no place finer than a community. The pinpoint of a pinpoint's name has the same name.

    Notes
    -----
    A compound, school, market ... goes before the crossing or road it stands at only where no crossing is spelled out; of several the first counts.
    Numbers of houses, buildings, units and rooms are taken out before anything is looked for, so that no name can hold one.
    """
    if not isinstance(address, str) or not address.strip():
        return None
    found, before = _found_in(unicodedata.normalize("NFKC", address[:LONGEST]).upper()), None
    # what was cut out of a text may show more to cut; the names only get shorter
    while found is not None and found.name != before:
        before, kind = found.name, found.kind
        again = _found_in(found.name)
        found = Pinpoint(again.name, kind if again.name == before else again.kind) if again else None
    return found


def points_of(addresses: pd.Series) -> pd.DataFrame:
    """The pinpoint of every address; each different text is looked at once.

    Parameters
    ----------
    addresses
        Texts; None or NaN where there is none.

    Returns
    -------
    DataFrame
        On the index of ``addresses``: ``pinpoint``, the normalised name, and ``pinpoint_kind``, a value of :class:`PinpointKind`; both None where
        the text names no place.
    """
    codes, texts = pd.factorize(addresses.astype("object"))
    points = [point_of(text) for text in texts] + [None]  # code -1, a missing text, is the last
    names = pd.array([point.name if point else None for point in points], dtype="object").take(codes)
    kinds = pd.array([str(point.kind) if point else None for point in points], dtype="object").take(codes)
    return pd.DataFrame({"pinpoint": names, "pinpoint_kind": kinds}, index=addresses.index, dtype="object")


def _found_in(text: str) -> Pinpoint | None:
    return _chinese(text) if HAN.search(text) else _english(text)


def _chinese(text: str) -> Pinpoint | None:
    text = BRACKETS.sub(lambda match: match[1] if ZONE_ALONE.fullmatch(match[1]) else f"{BREAK}{match[1]}{BREAK}", text)
    text = re.sub(r"\s+", "", text)
    return _named_in(BREAKS.sub(BREAK, NUMBERS.sub(BREAK, PUNCTUATION.sub(BREAK, text))))


@lru_cache(maxsize=65_536)
def _named_in(text: str) -> Pinpoint | None:
    """The pinpoint of a text without numbers: the many addresses of one compound are one text by now."""
    parts = [part for part in (_without_admin(part) for part in text.split(BREAK)) if part]
    for part in parts:
        if (found := _crossing(part)) is not None:
            return found
    pieces = [piece for part in parts for piece in LOCATORS.sub(BREAK, part).split(BREAK) if piece]
    found_all = [found for piece in pieces if (found := _named(_without_admin(piece))) is not None]
    for found in found_all:
        if found.kind is not PinpointKind.VILLAGE:
            return found
    if found_all:
        return found_all[0]
    return next((found for piece in pieces if (found := _road(piece)) is not None), None)


def _without_admin(text: str) -> str:
    """The text without the words it opens with and the province, city, district, town and community it lies in."""
    text = LEADS.sub("", text)
    for signs, pattern in ADMIN:
        # looking for a character is a tenth of the work of matching, and most texts have none
        if any(sign in text for sign in signs) and (match := pattern.match(text)):
            text = LEADS.sub("", text[match.end() :])
    return text


def _crossing(text: str) -> Pinpoint | None:
    match = CROSSING.search(text)
    if match:
        roads = [_bare_road(road) for road in match.groups() if road]
        if all(roads) and roads[0] != roads[1]:
            return Pinpoint("与".join(sorted(str(road) for road in roads)), PinpointKind.CROSSING)
    match = ONE_ROAD_CROSSING.search(text)
    road = _bare_road(match[1]) if match else None
    return Pinpoint(f"{road}{'口' if ROAD_ALONE.fullmatch(road) else '路口'}", PinpointKind.CROSSING) if road else None


def _bare_road(text: str) -> str | None:
    name = COUNT.sub("", _without_admin(_after(text)))
    return None if NO_ROAD.search(name) or SPEECH.search(name) or len(name) < 2 else name  # noqa: PLR2004 - one character is no name


def _after(text: str) -> str:
    """What follows the last phrase, district or road, unless too little would be left."""
    while match := BEFORE.match(text):
        text = text[match.end() :]
    return text


def _named(text: str) -> Pinpoint | None:
    """The place whose name reaches furthest; of those that end together the kind listed first."""
    best: tuple[int, Pinpoint] | None = None
    for kind, pattern in NAMED:
        for match in pattern.finditer(text):
            before = STEM.search(text, 0, match.start())
            if before is None or (best is not None and match.end() <= best[0]):
                continue
            name = COUNT.sub("", LEFTOVER.sub("", _without_admin(_after(before[0] + match[0]))))
            stem = name.removesuffix(match[0])
            if stem != name and not NO_NAME.fullmatch(stem) and not SPEECH.search(name):
                best = match.end(), Pinpoint(DOUBLED.sub(r"\1", name), kind)
    return best[1] if best else None


def _road(text: str) -> Pinpoint | None:
    match = ROAD_ALONE.search(text)
    road = _bare_road(match[0]) if match else None
    return Pinpoint(road, PinpointKind.ROAD) if road else None


# --- English addresses ------------------------------------------------------------------------------------------------

STREET_TYPES = {
    "STREET": "ST", "AVENUE": "AVE", "ROAD": "RD", "BOULEVARD": "BLVD", "PLACE": "PL", "DRIVE": "DR", "COURT": "CT", "LANE": "LN", "PARKWAY": "PKWY",
    "SQUARE": "SQ", "TERRACE": "TER", "HIGHWAY": "HWY", "EXPRESSWAY": "EXPY", "CIRCLE": "CIR", "TURNPIKE": "TPKE",
}  # fmt: skip
"""Street types as the United States Postal Service abbreviates them (Publication 28, appendix C1)."""

SHORT_TYPES = set(STREET_TYPES.values())
DIRECTIONS = {"EAST": "E", "WEST": "W", "NORTH": "N", "SOUTH": "S"}
LARGEST_STREET = 300
"""A number before "AVENUE S" up to this may be the street's own."""

TOWN = re.compile(r"^((?:\d\S*\s+)?\S.*?)\s{2,}[A-Z. ]+?\s{2,}[A-Z]{2}\s*(?:\d{5}(?:-\d{4})?)?\s*$")
TAIL = re.compile(r"\s*(?:,(?! *JR\b).*|\b(?:APT|UNIT|SUITE|STE|ROOM|RM|FLOOR|FL|BLDG|BUILDING|BSMT)\b\.?\s*#?\s*[A-Z]?-?\d.*|#.*|\b\d{5}(?:-\d{4})?)$")
MEETING = re.compile(r"\s*(?:&|\s@\s|(?<!\d)/|\sAND\s|\sAT\s)\s*")
HOUSE = re.compile(r"^(?!\d+(?:ST|ND|RD|TH)\b)\d+[A-Z]{0,2}(?:\s*-\s*(?:\d+[A-Z]{0,2}|[A-Z]))?(?:\s+(?:1/2|½|REAR))?\s+(?=\S)")
ORDINAL = re.compile(r"\b(\d+)(?:ST|ND|RD|TH)\b")
ENGLISH_KINDS = (
    (PinpointKind.PARK, re.compile(r"\b(?:PARK|PLAYGROUND|GARDEN|COMMON)$")),
    (PinpointKind.SCHOOL, re.compile(r"\b(?:SCHOOL|COLLEGE|UNIVERSITY|ACADEMY)$")),
    (PinpointKind.HOSPITAL, re.compile(r"\b(?:HOSPITAL|CLINIC|MEDICAL CENTER)$")),
    (PinpointKind.STATION, re.compile(r"\bSTATION$")),
    (PinpointKind.MARKET, re.compile(r"\b(?:MARKET|MALL)$")),
)
MOST_WORDS = 7


def _english(text: str) -> Pinpoint | None:
    town = TOWN.match(text)
    text = (town[1] if town else text).strip()
    opened = text.startswith("INTERSECTION")
    text = re.sub(r"^INTERSECTION(?:\s+OF)?\s+", "", text)
    while (cut := TAIL.sub("", text)) != text:
        text = cut
    streets = [_street(part) for part in MEETING.split(text.strip())]
    if not streets[0] or any(len(street.split()) > MOST_WORDS or not re.search(r"[A-Z]", street) for street in streets):
        return None
    if len(streets) == 2 and streets[0] != streets[1]:  # noqa: PLR2004 - two streets cross
        return Pinpoint(" & ".join(sorted(streets)), PinpointKind.CROSSING)
    # "12 Walnut Park" is a house in a street of that name
    kinds = [kind for kind, pattern in ENGLISH_KINDS if pattern.search(streets[0]) and not HOUSE.match(text)]
    return Pinpoint(streets[0], kinds[0] if kinds and not opened else PinpointKind.ROAD)


def _street(text: str) -> str:
    """A street without house number, its type and directions abbreviated, ordinals as plain numbers."""
    words = re.sub(r"[.,;]", "", text).split()
    while (match := HOUSE.match(" ".join(words))) and not _is_numbered(words):
        words = " ".join(words)[match.end() :].split()
    words = ORDINAL.sub(r"\1", " ".join(words)).split()
    if len(words) > 2 and words[0] in DIRECTIONS:  # noqa: PLR2004 - West Street has no other name
        words[0] = DIRECTIONS[words[0]]
    last = len(words) - 2 if len(words) > 2 and words[-1] in {*DIRECTIONS, *DIRECTIONS.values()} else len(words) - 1  # noqa: PLR2004
    if last > 0:
        words[last] = STREET_TYPES.get(words[last], words[last])
    return " ".join(words)


def _is_numbered(words: list[str]) -> bool:
    """Whether the number is the street's name: nothing but its type follows, or its type and a direction."""
    kind, *more = words[1:]
    if kind not in SHORT_TYPES and kind not in STREET_TYPES:
        return False
    number = int(re.sub(r"\D.*", "", words[0]))
    return not more or (len(more) == 1 and more[0] in {*DIRECTIONS, *DIRECTIONS.values()} and number <= LARGEST_STREET)
