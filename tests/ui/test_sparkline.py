"""The line of the recent past keeps order, scale and its words."""

from __future__ import annotations

import re
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from ui import sparkline


def line(values):
    source = re.search(r'src="data:image/svg\+xml,([^"]*)"', sparkline.picture(values, "说明")).group(1)
    drawn = ElementTree.fromstring(unquote(source))
    return [tuple(float(part) for part in point.split(",")) for point in drawn.find("{*}polyline").get("points").split()]


def test_from_left_to_right_and_the_most_on_top():
    points = line([10.0, 30.0, 20.0])
    assert [x for x, _y in points] == [0, 50, 100]
    low, high, middle = (y for _x, y in points)
    assert low > middle > high
    assert middle == pytest.approx((low + high) / 2)
    assert 0 < high < low < 24, "the line is cut off"


def test_a_line_without_change_stays_in_the_middle():
    assert {y for _x, y in line([5.0, 5.0, 5.0])} == {12.0}


def test_what_is_said_cannot_leave_its_attribute():
    drawn = sparkline.picture([1.0, 2.0], '"><script>')
    assert "<script" not in drawn
    assert 'alt="&quot;&gt;&lt;script&gt;"' in drawn
