"""What is planted in the demo city, so that tests can see whether methods find it. The application never reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pipeline.demo.assumptions import Assumptions
    from pipeline.demo.city import City
    from pipeline.demo.plan import Plan
    from pipeline.demo.span import Span

__all__ = ["Planted", "leaf_factor", "logit_offset", "plant", "street_factor", "truth_list"]

DAY_SECONDS = 86_400
OPENING_HOUR = 9
PLACES_A_HOTSPOT = 3
TOP_MARGIN = 1.12
NO_CALLER = -1


@dataclass(frozen=True, slots=True)
class Planted:
    """Extra requests with all that is fixed about them; ``caller`` is -1 where any caller will do."""

    second: np.ndarray
    leaf: np.ndarray
    place: np.ndarray
    caller: np.ndarray
    truth: tuple[str, ...]

    def within(self, first: np.datetime64, last: np.datetime64) -> Planted:
        """Those of the days from ``first`` to ``last``."""
        day = self.second // DAY_SECONDS
        own = (day >= first.astype("int64")) & (day <= last.astype("int64"))
        return Planted(self.second[own], self.leaf[own], self.place[own], self.caller[own], ())


def leaf_factor(leaf_day: np.ndarray, assumed: Assumptions, span: Span) -> np.ndarray:
    """The intensities with governed topics changed and the emerging problem added."""
    changed = leaf_day.copy()
    since_end = (span.last - span.days).astype("float64")
    for item in assumed.truths["governed"]:
        done = np.clip((item["before"] - since_end) / item["ramp_days"], 0, 1)
        leaf = assumed.leaf_number(item["topic"], item["leaf"])
        changed[:, leaf] *= item["volume_factor"] ** done
    born = assumed.truths["emerging"]
    age = born["first_before"] - since_end
    growth = np.log(born["end_share"] / born["start_share"]) / born["first_before"]
    share = np.where(age >= 0, born["start_share"] * np.exp(growth * np.maximum(age, 0)), 0)
    changed[:, assumed.leaf_number(born["topic"], born["category_3"])] = share * leaf_day.sum(axis=1)
    return changed


def _recovering(assumed: Assumptions, order: np.ndarray) -> list[tuple[dict, int]]:
    """Each recovering street with its number: they are picked by rank, largest first."""
    return [(item, int(order[item["rank"] - 1])) for item in assumed.truths["recovering"]]


def street_factor(assumed: Assumptions, span: Span, streets: np.ndarray) -> np.ndarray:
    """What the rising and the recovering streets' requests are multiplied with, shape (months, streets)."""
    share = assumed.topics["share"].to_numpy(dtype="float64") @ streets
    order = np.argsort(-share, kind="stable")
    months = len(span.months)
    factor = np.ones((months, streets.shape[1]))
    last = span.months[-1]
    for item, street in _recovering(assumed, order):
        turn = months - 1 - int((last - (span.last - item["before"]).astype("datetime64[M]")).astype("int64"))
        done = np.clip((np.arange(months) - turn) / item["months"], 0, 1)
        factor[:, street] = item["high_factor"] * (item["low_factor"] / item["high_factor"]) ** done
    now = share * factor[-1]
    for item in assumed.truths["rising"]:
        street = street_number(assumed, item["code"])
        others = np.sort(np.delete(now, street))[::-1]
        goal = others[item["rank"] - 1] * TOP_MARGIN / share[street]
        # the last month is not over: the rise is complete in the month before it
        done = np.clip((np.arange(months) - (months - 2 - item["months"])) / item["months"], 0, 1)
        factor[:, street] = goal**done
        now[street] = share[street] * goal
    return factor


def street_number(assumed: Assumptions, code: str) -> int:
    """Row number of a street."""
    return int(np.flatnonzero(assumed.streets["code"] == code)[0])


def logit_offset(assumed: Assumptions, plan: Plan, month: int) -> tuple[np.ndarray, np.ndarray]:
    """What governed leaves and recovering streets do to the answers in a month: logits by leaf and by street."""
    span = plan.span
    middle = (span.last.astype("datetime64[M]") - span.months[month]).astype("int64") * 30.4
    leaves = np.zeros(len(assumed.leaves))
    for item in assumed.truths["governed"]:
        done = float(np.clip((item["before"] - middle) / item["ramp_days"], 0, 1))
        leaves[assumed.leaf_number(item["topic"], item["leaf"])] = item["logit_before"] + done * (item["logit_after"] - item["logit_before"])
    streets = np.zeros(len(assumed.streets))
    share = assumed.topics["share"].to_numpy(dtype="float64") @ plan.streets
    for item, street in _recovering(assumed, np.argsort(-share, kind="stable")):
        done = np.clip((item["before"] - middle) / (item["months"] * 30.4), 0, 1)
        streets[street] = item["logit_before"] * (1 - done)
    return leaves, streets


def plant(assumed: Assumptions, city: City, plan: Plan, kinds: tuple[str, ...], seed: int) -> Planted:
    """The extra requests of hotspots and group complaints over the whole span."""
    rng = np.random.default_rng([seed, 1])
    span = plan.span
    parts: list[tuple[str, np.ndarray, int, np.ndarray, np.ndarray]] = []
    daily = _daily_requests(plan)
    for item in assumed.truths["hotspot"]:
        leaf = assumed.leaf_number(item["topic"], item["leaf"])
        from_day, to_day = (max(len(span.days) - 1 - item[name], 0) for name in ("from_before", "to_before"))
        count = max(round(item["share_of_daily"] * daily[from_day : to_day + 1].sum()), 12)
        day = rng.integers(from_day, to_day + 1, count)
        second = (span.first.astype("int64") + day) * DAY_SECONDS + _working_time(rng, count)
        places = _places(assumed, city, item["code"], kinds.index(assumed.leaves["where"][leaf]))
        parts.append((item["key"], second, leaf, places[rng.integers(min(PLACES_A_HOTSPOT, len(places)), size=count)], np.full(count, NO_CALLER)))
    for item in assumed.truths["group"]:
        leaf = assumed.leaf_number(item["topic"], item["leaf"])
        begin = (span.last - item["before"]).astype("int64") * DAY_SECONDS + OPENING_HOUR * 3600
        second = np.sort(begin + rng.integers(0, item["hours"] * 3600, item["callers"]))
        place = _places(assumed, city, item["code"], kinds.index(assumed.leaves["where"][leaf]))[0]
        parts.append((item["key"], second, leaf, np.full(item["callers"], place), np.arange(item["callers"])))
    second = np.concatenate([part[1] for part in parts])
    leaves = np.concatenate([np.full(len(part[1]), part[2]) for part in parts])
    place = np.concatenate([part[3] for part in parts])
    # callers of a group are all different, and nobody else's
    caller = np.concatenate([np.where(part[4] < 0, NO_CALLER, part[4] + 1000 * number) for number, part in enumerate(parts)])
    truth = tuple(np.concatenate([np.full(len(part[1]), part[0]) for part in parts]).tolist())
    return Planted(second, leaves, place, caller, truth)


def _daily_requests(plan: Plan) -> np.ndarray:
    weight = plan.leaf_day.sum(axis=1)
    monthly = np.bincount(plan.span.month_of_day, weights=weight)
    return weight * (plan.requests / monthly)[plan.span.month_of_day]


def _working_time(rng: np.random.Generator, count: int) -> np.ndarray:
    return np.clip(rng.normal(12.5, 3.0, count), 7, 20.9) * 3600 // 1


def _places(assumed: Assumptions, city: City, code: str, kind: int) -> np.ndarray:
    """Places of that kind in a street, in order."""
    street = street_number(assumed, code)
    start = np.searchsorted(city.cumulative, city.first[street, kind] * (1 + 1e-12) + 1e-9, side="right")
    end = np.searchsorted(city.cumulative, city.first[street, kind] + city.reach[street, kind], side="left")
    return np.arange(start, end + 1)


def truth_list(assumed: Assumptions, city: City, plan: Plan, planted: Planted) -> list[dict[str, Any]]:
    """The planted truths for the truth file: what, where, when, how large."""
    span = plan.span
    found = []
    for kind in ("hotspot", "group"):
        for item in assumed.truths[kind]:
            own = np.array([key == item["key"] for key in planted.truth])
            times = planted.second[own].astype("datetime64[s]")
            found.append(
                _place_truth(kind, item, assumed)
                | {
                    "places": sorted({city.names[place] for place in planted.place[own]}),
                    "from": str(times.min()),
                    "to": str(times.max()),
                    "count": int(own.sum()),
                }
            )
    return found + _changes(assumed, span, plan)


def _place_truth(kind: str, item: dict[str, Any], assumed: Assumptions) -> dict[str, Any]:
    street = assumed.streets.iloc[street_number(assumed, item["code"])]
    found = {
        "kind": kind,
        "key": item["key"],
        "chinese": item["chinese"],
        "code": item["code"],
        "district": street["parent_name"],
        "subdistrict": street["name"],
    }
    if "leaf" in item:
        leaf = assumed.leaves.iloc[assumed.leaf_number(item["topic"], item["leaf"])]
        found |= {"category_2": leaf["category_2"], "category_3": leaf["category_3"]}
    return found


def _changes(assumed: Assumptions, span: Span, plan: Plan) -> list[dict[str, Any]]:
    born = assumed.truths["emerging"]
    start = span.last - born["first_before"]
    found: list[dict[str, Any]] = [
        {"kind": "emerging", "from": str(start), "to": str(span.last)}
        | {name: born[name] for name in ("key", "chinese", "category_2", "category_3", "start_share", "end_share")}
    ]
    for item in assumed.truths["governed"]:
        leaf = assumed.leaves.iloc[assumed.leaf_number(item["topic"], item["leaf"])]
        begin = span.last - item["before"]
        found.append(
            {
                "kind": "governed",
                "from": str(begin),
                "complete": str(begin + item["ramp_days"]),
                "category_2": leaf["category_2"],
                "category_3": leaf["category_3"],
            }
            | {name: item[name] for name in ("key", "chinese", "volume_factor", "logit_before", "logit_after")}
        )
    share = assumed.topics["share"].to_numpy(dtype="float64") @ plan.streets
    order = np.argsort(-share, kind="stable")
    for item in assumed.truths["rising"]:
        factor = plan.factor[:, street_number(assumed, item["code"])]
        months = span.months[factor > 1]
        found.append(
            _place_truth("rising", item, assumed)
            | {"from": str(months.min()), "to": str(span.months[-1]), "factor": round(float(factor[-1]), 2), "rank": item["rank"]}
        )
    for item, street in _recovering(assumed, order):
        turn = (span.last - item["before"]).astype("datetime64[M]")
        place = _place_truth("recovering", item | {"code": assumed.streets["code"].iloc[street]}, assumed)
        found.append(
            place
            | {
                "from": str(turn),
                "complete": str(turn + item["months"]),
                "factor": round(item["low_factor"] / item["high_factor"], 2),
                "logit_before": item["logit_before"],
            }
        )
    return found
