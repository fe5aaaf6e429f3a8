"""Labels: numbers of persons are masked in them too, codes are left alone, and there may be any number of categories."""

from __future__ import annotations

import pyarrow as pa
import pytest

from storage.privacy import mask_labels


@pytest.mark.parametrize(
    ("label", "kept"),
    [
        ("张三13812345678", "张三[电话]"),
        ("138-1234-5678", "[电话]"),
        ("11010119900307123X", "[证件号]"),
        ("a.b@example.com", "[邮箱]"),
        ("110101001", "110101001"),
        ("330106001", "330106001"),
        ("10009", "10009"),
        ("05 Brooklyn", "05 Brooklyn"),
        ("朝阳区城市管理委", "朝阳区城市管理委"),
    ],
)
def test_numbers_of_persons_are_masked_in_labels(label: str, kept: str) -> None:
    """Mobile numbers, identity cards and addresses go; codes of places and units stay."""
    assert mask_labels(pa.array([label, None, label])).to_pylist() == [kept, None, kept]
    assert mask_labels(pa.array([[label, "x"], None, []])).to_pylist() == [[kept, "x"], None, []]
