"""Which month the screen opens with: the last well-filled one."""

from __future__ import annotations

from datetime import date

import pytest

from governance.periods import Grain, Period, filled_until
from ui import loaders, sentences

YEAR = [(date(2024, month, 1), 3000) for month in range(1, 13)]


@pytest.mark.parametrize(
    ("months", "until", "expected"),
    [
        (YEAR, date(2024, 12, 31), date(2024, 12, 31)),
        ([*YEAR, (date(2025, 1, 1), 1500)], date(2025, 1, 15), date(2025, 1, 15)),
        ([*YEAR, (date(2025, 1, 1), 4)], date(2025, 1, 9), date(2024, 12, 31)),
        ([*YEAR, *((date(2025, month, 1), 9) for month in range(1, 13))], date(2025, 12, 2), date(2024, 12, 31)),
        ([*YEAR, (date(2031, 5, 1), 1)], date(2031, 5, 20), date(2024, 12, 31)),
        ([*YEAR[:6], (date(2024, 7, 1), 1100)], date(2024, 7, 31), date(2024, 7, 31)),
        ([(date(2024, 7, 1), 1)], date(2024, 7, 3), date(2024, 7, 3)),
        ([], date(2024, 7, 3), date(2024, 7, 3)),
    ],
    ids=["full", "running month", "four tickets", "a year that fades out", "a stray date years ahead", "a quiet season", "one ticket", "nothing"],
)
def testfilled_until(months, until, expected):
    assert filled_until(months, until) == expected


def test_the_first_view_says_why_it_is_not_the_newest(city_home, clear_caches, monkeypatch):
    monkeypatch.setenv("WEISU_HOME", str(city_home))
    known = loaders.facts(loaders.pin_version())
    assert known.filled_until == known.data_until == date(2025, 11, 20)
    faded = type(known)(**{name: getattr(known, name) for name in known.__slots__} | {"filled_until": date(2025, 9, 30)})
    shown = loaders.default_period(faded)
    assert shown == Period(Grain.MONTH, date(2025, 9, 1), date(2025, 9, 30))
    assert sentences.thin_months(known, loaders.default_period(known), is_default=True) == ""
    assert sentences.thin_months(faded, shown, is_default=True) == "数据截至 2025年11月20日；2025年9月之后各月数据很少，默认显示 2025年9月。"
    assert sentences.thin_months(faded, shown, is_default=False) == ""
    assert "仅供参考" in sentences.thin_months(faded, loaders.default_period(known), is_default=False)
