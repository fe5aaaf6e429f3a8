"""`manage.py forecast`: any long table in, mean and quantiles out, and one sentence for what cannot be used."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

import manage

DAYS = pd.date_range("2021-01-04", periods=900, freq="D")


@pytest.fixture
def table():
    chance = np.random.default_rng(5)
    place = np.arange(len(DAYS))
    mean = np.exp(0.6 * np.cos(2 * np.pi * place / 365.25) - 0.4 * (DAYS.day_of_week >= 5))
    parts = [pd.DataFrame({"unique_id": name, "ds": DAYS, "y": chance.poisson(size * mean)}) for name, size in (("供暖/朝阳区", 30), ("停车/延庆区", 2))]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def call(tmp_path, monkeypatch, capfd):
    def called(*words):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["manage.py", "forecast", *map(str, words)])
        try:
            manage.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        said = capfd.readouterr()
        return code, said.out, said.err

    return called


def written(path):
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_is_forecast(call, table, tmp_path, kind):
    source, out = tmp_path / f"in.{kind}", tmp_path / f"out.{kind}"
    table.to_csv(source, index=False) if kind == "csv" else table.to_parquet(source)
    code, said, _err = call(source, "--horizon", 28, "--levels", "50,95", "--out", out, "--json")
    assert code == 0
    result = json.loads(said)
    assert (result["series"], result["rows"], result["first"], result["models"]) == (2, 56, "2023-06-23", {"pooled_counts": 2})
    frame = written(out)
    assert list(frame.columns) == ["unique_id", "ds", "model", "mean", "q0.025", "q0.25", "q0.5", "q0.75", "q0.975"]
    assert frame.groupby("unique_id")["mean"].mean().between([10, 0.5], [40, 4]).all()
    assert (frame[["q0.025", "q0.25", "q0.5", "q0.75", "q0.975"]].diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_rows_after_the_cutoff_change_nothing(call, table, tmp_path):
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    changed = table.copy()
    changed.loc[changed["ds"] > "2023-03-31", "y"] = 9999
    for frame, out in ((table, first), (changed, second)):
        frame.to_csv(tmp_path / "in.csv", index=False)
        assert call(tmp_path / "in.csv", "--horizon", 14, "--cutoff", "2023-03-31", "--out", out)[0] == 0
    assert first.read_bytes() == second.read_bytes()
    assert written(first)["ds"].min() == "2023-04-01"


@pytest.mark.parametrize(("weekday", "start"), [("week named by its Monday", "2021-01-04"), ("week named by its Sunday", "2021-01-10")])
def test_weeks_keep_their_label_and_the_cutoff_is_the_last_label_known(call, table, tmp_path, weekday, start):
    labels = pd.date_range(start, periods=120, freq="7D")
    pd.DataFrame({"unique_id": "a", "ds": labels, "y": np.arange(120) % 9 + 20}).to_csv(tmp_path / "in.csv", index=False)
    out = tmp_path / "out.csv"
    code, said, _err = call(tmp_path / "in.csv", "--horizon", 4, "--cutoff", labels[99].date(), "--out", out, "--json")
    assert code == 0, weekday
    result = json.loads(said)
    assert (result["frequency"], result["cutoff"]) == ("W", str(labels[99].date()))
    assert written(out)["ds"].tolist() == [str(day.date()) for day in labels[100:104]]


def test_another_model_can_be_asked_for(call, table, tmp_path):
    table.to_csv(tmp_path / "in.csv", index=False)
    code, said, _err = call(tmp_path / "in.csv", "--horizon", 7, "--model", "last_year_level", "--out", tmp_path / "out.csv", "--json")
    assert (code, json.loads(said)["models"]) == (0, {"last_year_level": 2})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--horizon", "0"], "--horizon 是 0; 允许 1 到 730 期"),
        (["--horizon", "7", "--levels", "50,120"], "--levels 中有 120; 允许 1 到 99"),
        (["--horizon", "7", "--levels", "half"], "--levels 是 'half'"),
        (["--horizon", "7", "--calendar", "MARS"], "--calendar 是 MARS; 允许 auto, CN"),
        (["--horizon", "7", "--model", "oracle"], "--model 是 oracle; 允许 pooled_counts"),
        (["--horizon", "7", "--freq", "M"], "频率是 'M'; 允许的是 D, W"),
        (["--horizon", "7", "--cutoff", "2019-01-01"], "截止日 2019-01-01 早于"),
        (["--horizon", "7", "--out", "out.xls"], "只能写 .csv 或 .parquet"),
        (["--horizon", "7", "--out", "nowhere/out.csv"], "不存在"),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_is_written(call, table, tmp_path, words, said):
    table.to_csv(tmp_path / "in.csv", index=False)
    out = [] if "--out" in words else ["--out", tmp_path / "out.csv"]
    code, _out, err = call(tmp_path / "in.csv", *words, *out)
    assert code == 2
    assert said in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("in.csv", b"", "读不出来"),
        ("in.csv", b"unique_id,ds\na,2024-01-01\n", "缺少列 y"),
        ("in.csv", b"unique_id,ds,y\na,2024-01-01,\xff\xfe\n", "读不出来"),
        ("in.parquet", b"not parquet", "读不出来"),
        ("in.xlsx", b"PK", "后缀是 .xlsx"),
    ],
)
def test_files_that_cannot_be_read(call, tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    code, _out, err = call(tmp_path / name, "--horizon", 7, "--out", tmp_path / "out.csv")
    assert code == 2
    assert said in err


def test_a_missing_file_is_named(call, tmp_path):
    code, _out, err = call(tmp_path / "none.csv", "--horizon", 7, "--out", tmp_path / "out.csv")
    assert code == 2
    assert "none.csv: 没有这个文件" in err
