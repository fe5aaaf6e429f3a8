"""Does the mart say what the lake says? Every month counted again and compared row by row; lake against its log and ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from storage.rollups import ROLLUPS, SCHEMA, Rollup, rollup_sql
from storage.snapshot import current_version, mart_file
from storage.sources import first_line, literal

if TYPE_CHECKING:
    from storage.mart import MartBuilder

__all__ = ["Finding", "verify"]

MEMBERS = {"place_id": "(p.district_code, p.subdistrict_code)", "category_id": "(c.category_1, c.category_2)", "unit_id": "u.unit_code"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: where, and what was found on each side."""

    where: str
    message: str


def verify(builder: MartBuilder) -> tuple[str | None, int, int, tuple[Finding, ...]]:
    """Version compared, months, tickets in the lake, and all differences found."""
    findings = _lake_findings(builder)
    version = current_version(builder.home)
    months = sorted(builder.by_month)
    tickets = sum(item.row_count for files in builder.by_month.values() for item in files)
    if any(finding.where.startswith("month=") for finding in findings):
        return version, len(months), tickets, tuple(findings)  # unreadable files cannot be counted
    if version is None:
        return None, len(months), tickets, (*findings, Finding("mart", "还没有快照; 请运行 refresh"))
    run = builder.connection.execute
    try:
        run(f"ATTACH {literal(str(mart_file(builder.home, version)))} AS published (READ_ONLY)")
    except duckdb.Error as error:
        message = f"快照无法读取, 请运行 refresh --full: {first_line(error)}"
        return version, len(months), tickets, (*findings, Finding("mart", message))
    run("ATTACH ':memory:' AS recount")
    run("USE recount")
    run(SCHEMA)
    stored = dict(run("SELECT month, files_key || policy_key || clock_key FROM published.month_source").fetchall())
    wanted = builder.wanted()
    for month, state in wanted.items():
        if month not in stored:
            findings.append(Finding(month, "票仓中有此月, 快照中没有"))
        elif stored[month] != state.files_key + state.policy_key + state.clock_key:
            findings.append(Finding(month, "快照不是按票仓中现有文件或现行口径统计的; 请运行 refresh"))
    for chunk in builder.chunks(month for month in wanted if month in stored):
        findings += _count_findings(builder, chunk)
    findings += [Finding(month, "快照中有此月, 票仓中没有") for month in stored if month not in builder.by_month]
    run("USE memory")
    run("DETACH recount")
    run("DETACH published")
    return version, len(months), tickets, tuple(findings)


def _count_findings(builder: MartBuilder, months: list[str]) -> list[Finding]:
    """Differences in the counts of some months, rollup by rollup, compared by codes since numbers may differ."""
    builder.count_cells(months)
    listed = ", ".join(map(literal, months))
    findings = []
    for rollup in ROLLUPS:
        mine = _by_code("recount", rollup, f"({rollup_sql(rollup)})")
        theirs = _by_code("published", rollup, f"(SELECT * FROM published.{rollup.name} WHERE strftime(day, '%Y-%m') IN ({listed}))")
        rows = builder.connection.execute(
            "SELECT strftime(day, '%Y-%m') AS month, count(*) FILTER (WHERE side = 'lake'), count(*) FILTER (WHERE side = 'mart') FROM ("
            f"SELECT day, 'lake' AS side FROM ({mine} EXCEPT ALL {theirs}) UNION ALL SELECT day, 'mart' FROM ({theirs} EXCEPT ALL {mine})) GROUP BY month"
        ).fetchall()
        findings += [Finding(month, f"{rollup.name}: 票仓中有而快照没有 {lake} 行, 快照有而票仓中没有 {mart} 行") for month, lake, mart in rows]
    return findings


def _by_code(database: str, rollup: Rollup, relation: str) -> str:
    dimensions = rollup.dimensions
    keys = []
    joins = ""
    for dimension in dimensions:
        if dimension == "place_id":
            joins += f" JOIN {database}.place p USING (place_id)"
        elif dimension == "category_id":
            joins += f" JOIN {database}.category c USING (category_id)"
        elif dimension == "unit_id":
            joins += f" JOIN {database}.unit u USING (unit_id)"
        elif dimension == "category_1_id" and "category_id" not in dimensions:
            joins += f" JOIN (SELECT DISTINCT category_1_id, category_1 FROM {database}.category) c1 USING (category_1_id)"
            keys.append("c1.category_1")
            continue
        elif dimension == "category_1_id":
            continue
        keys.append(MEMBERS.get(dimension, f"r.{dimension}"))
    counts = ", ".join(rollup.counts)
    return f"SELECT {', '.join(keys)}, {counts} FROM {relation} r({', '.join((*dimensions, *rollup.counts))}){joins}"


def _lake_findings(builder: MartBuilder) -> list[Finding]:
    findings = []
    for files in builder.by_month.values():
        for item in files:
            path = builder.lake.root / item.path
            try:
                rows = pq.read_metadata(path).num_rows
            except (OSError, pa.ArrowException) as error:
                findings.append(Finding(item.path, f"票仓中文件无法读取: {str(error).splitlines()[0][:120]}"))
                continue
            if rows != item.row_count:
                findings.append(Finding(item.path, f"票仓中文件有 {rows} 行, 日志记为 {item.row_count} 行"))
    if findings:
        return findings
    relation = builder.lake.relation(builder.lake.files())
    row = builder.connection.execute(f"SELECT count(*), count(DISTINCT ticket_id) FROM {relation}").fetchone()
    total, distinct = row or (0, 0)
    if total != distinct:
        findings.append(Finding("lake", f"有 {total - distinct} 个工单编号重复"))
    loaded = sum(item.loaded for batch in builder.ledger.batches() for item in batch.files)
    if loaded != total:
        findings.append(Finding("ledger", f"台账记入库 {loaded} 件, 票仓中有 {total} 件"))
    return findings
