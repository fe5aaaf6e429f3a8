"""``manage.py hotspots``: any counts over any boundaries; what was planted is found, and what cannot be read is told in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import manage
from pipeline.hotspot_file import hotspot_file
from storage.home import InputError

SIDE, MONTHS = 6, 30
HOT, BEGAN = "r2c3", 24


def boundaries(folder: Path) -> Path:
    """Thirty-six squares with codes, and one far island."""
    squares = [(f"r{row}c{column}", 116 + column * 0.05, 40 + row * 0.04, 0.05, 0.04) for row in range(SIDE) for column in range(SIDE)]
    features = [
        {
            "type": "Feature",
            "properties": {"objectid": number, "town": name},
            "geometry": {"type": "Polygon", "coordinates": [[[x, y], [x + w, y], [x + w, y + h], [x, y + h], [x, y]]]},
        }
        for number, (name, x, y, w, h) in enumerate([*squares, ("island", 117.0, 40.1, 0.02, 0.02)])
    ]
    path = folder / "towns.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def counts() -> pd.DataFrame:
    chance = np.random.default_rng(4)
    names = [f"r{row}c{column}" for row in range(SIDE) for column in range(SIDE)] + ["island"]
    size = chance.lognormal(2.3, 0.5, len(names))
    months = pd.period_range("2023-01", periods=MONTHS, freq="M")
    rows = [
        (name, str(month), int(chance.poisson(weight * (4 if name == HOT and step >= BEGAN else 1))))
        for name, weight in zip(names, size, strict=True)
        for step, month in enumerate(months)
    ]
    frame = pd.DataFrame(rows, columns=["area_code", "period", "observed"])
    return frame[frame["observed"] > 0].sample(frac=1, random_state=1)  # no row where nothing came, in any order


@pytest.fixture
def given(tmp_path: Path) -> tuple[Path, Path, Path]:
    file = tmp_path / "counts.csv"
    counts().to_csv(file, index=False, encoding="utf-8-sig")
    return file, boundaries(tmp_path), tmp_path / "found.csv"


def test_the_planted_spot_is_found_named_and_dated(given: tuple[Path, Path, Path]) -> None:
    result = hotspot_file(*given)
    assert (result.areas, result.periods, result.islands, result.silent, result.unplaced) == (37, MONTHS, ("island",), 0, ())
    assert result.hot == 1
    found = pd.read_csv(given[2])
    assert len(found) == 37 * MONTHS
    own = found[(found["area_code"] == HOT) & (found["state"] == "hot")]
    assert own["period"].min() in {"2025-01", "2025-02"}
    assert set(own["class"]) == {"consecutive"}
    whole = counts().set_index(["area_code", "period"])["observed"]
    np.testing.assert_array_equal(found["observed"], whole.reindex(pd.MultiIndex.from_frame(found[["area_code", "period"]]), fill_value=0))
    clusters = pd.read_csv(result.clusters_out)
    assert clusters.loc[0, ["areas", "first_period", "last_period"]].tolist() == [HOT, "2025-01", "2025-06"]
    assert clusters.loc[0, "p_value"] <= 0.01


def test_the_same_by_the_command_line_and_again(given: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    file, shapes, out = given
    with pytest.raises(SystemExit) as ended:
        manage.app(["hotspots", str(file), "--boundaries", str(shapes), "--out", str(out), "--json"])
    assert ended.value.code == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (said["command"], said["hot"], said["areas"]) == ("hotspots", 1, 37)
    first = out.read_bytes()
    hotspot_file(file, shapes, out)
    assert out.read_bytes() == first


def test_expected_and_population_are_used_where_given(given: tuple[Path, Path, Path], tmp_path: Path) -> None:
    frame = counts()
    few = frame[frame["period"] >= "2025-05"]  # too few to tell what is usual
    people = few.assign(population=few["area_code"].map(frame.groupby("area_code")["observed"].mean() * 100))
    people.to_parquet(tmp_path / "people.parquet")
    result = hotspot_file(tmp_path / "people.parquet", given[1], tmp_path / "out.parquet")
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert result.periods == 2
    totals = found.groupby("period")[["observed", "expected"]].sum()
    np.testing.assert_allclose(totals["observed"], totals["expected"])
    few.assign(expected=7.0).to_parquet(tmp_path / "stated.parquet")
    hotspot_file(tmp_path / "stated.parquet", given[1], tmp_path / "out.parquet")
    assert set(pd.read_parquet(tmp_path / "out.parquet")["expected"].dropna()) == {7.0}


def test_codes_without_an_area_and_areas_without_a_row_are_told(given: tuple[Path, Path, Path], tmp_path: Path) -> None:
    frame = counts()
    frame = pd.concat([frame[frame["area_code"] != "r0c0"], pd.DataFrame({"area_code": ["x9"], "period": ["2023-01"], "observed": [5]})])
    frame.to_csv(tmp_path / "other.csv", index=False)
    result = hotspot_file(tmp_path / "other.csv", given[1], given[2])
    assert (result.unplaced, result.silent) == (("x9",), 1)
    assert "x9" not in set(pd.read_csv(given[2])["area_code"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows.rename(columns={"observed": "n"}), "缺少列 observed"),
        (lambda rows: rows.head(0), "没有数据行"),
        (lambda rows: rows.assign(observed=-1), "observed 列第 1 行是"),
        (lambda rows: rows.assign(observed="many"), "'many'"),
        (lambda rows: pd.concat([rows, rows.head(1)]), "不止一行"),
        (lambda rows: rows.replace({"period": {"2023-04": "春天"}}), "'春天' 不是日期"),
        (lambda rows: rows.assign(area_code=None), "area_code 列第 1 行是空的"),
        (lambda rows: rows.assign(area_code="nowhere", period=[str(n) for n in range(len(rows))]), "没有一个属性含有"),
        (lambda rows: rows[rows["period"] < "2023-04"], "至少需要 5 期"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(given: tuple[Path, Path, Path], change, said: str) -> None:
    file, shapes, out = given
    change(counts()).to_csv(file, index=False)
    with pytest.raises(InputError, match=said):
        hotspot_file(file, shapes, out)
    assert not out.exists()


def test_files_that_are_not_there_or_not_what_they_say(given: tuple[Path, Path, Path], tmp_path: Path) -> None:
    file, shapes, out = given
    for wrong, said in (
        ((tmp_path / "no.csv", shapes, out), "没有这个文件"),
        ((file, tmp_path / "no.geojson", out), "没有这个文件"),
        ((file, file, out), "无法读取|没有区域|属性"),
        ((file, shapes, tmp_path / "out.xlsx"), "只能写"),
        ((file, shapes, tmp_path / "nowhere" / "out.csv"), "不存在"),
    ):
        with pytest.raises(InputError, match=said):
            hotspot_file(*wrong)
