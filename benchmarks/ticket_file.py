"""A large ticket file in the reference schema, with the faults of real deliveries: bad values, short lines, repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["write_ticket_file"]

DAYS = 1278


COPY = """COPY (SELECT
    'BJ' || lpad(CAST({first} + CASE WHEN i % 1000 = 7 THEN i - 1 ELSE i END AS VARCHAR), 12, '0') AS 工单编号,
    ['诉求', '投诉', '求助', '举报', '建议', '咨询', '咨询'][1 + CAST(floor(r1 * 7) AS INTEGER)] AS 工单类型,
    ['电话', '电话', '电话', '电话', '微信', '网站', 'APP'][1 + CAST(floor(r2 * 7) AS INTEGER)] AS 渠道,
    CASE WHEN i % 1000 = 3 THEN '没有时间' ELSE strftime(moment, '%Y-%m-%d %H:%M:%S') END AS 创建时间,
    strftime(moment + INTERVAL 20 MINUTE, '%Y-%m-%d %H:%M:%S') AS 派单时间,
    strftime(moment + INTERVAL 5 HOUR, '%Y-%m-%d %H:%M:%S') AS 首次响应时间,
    CASE WHEN r3 < 0.95 THEN strftime(moment + to_hours(CAST(r3 * 200 AS INTEGER) + 6), '%Y-%m-%d %H:%M:%S') END AS 办结时间,
    CASE WHEN r3 < 0.9 THEN strftime(moment + INTERVAL 10 DAY, '%Y-%m-%d %H:%M:%S') END AS 回访时间,
    '一级' || CAST(floor(r4 * r4 * 20) AS INTEGER) || '->二级' || CAST(floor(r4 * r4 * 62) AS INTEGER)
        || '->三级' || CAST(floor(r5 * 5) AS INTEGER) AS 问题分类,
    '反映' || (i // 1000) || '号楼' || (i % 1000) || '室供暖问题' AS 标题,
    repeat('我家楼下的供暖管道漏水已经三天没有人来修理请尽快处理', 4) || (i // 1000) || '号楼' || (i % 1000) || '室'
        || CASE WHEN i % 50 = 0 THEN ',电话13800138000' ELSE '' END AS 主要内容,
    p.parent_name AS 被反映区, p.name AS 被反映街道,
    '社区' || CAST(floor(r5 * 7000) AS INTEGER) AS 社区, '小区' || CAST(floor(r2 * 20000) AS INTEGER) AS 问题点位,
    round(116 + r1, 6) AS 经度, round(39.5 + r2, 6) AS 纬度,
    '138' || lpad(CAST(CAST(floor(r3 * 1e8) AS BIGINT) AS VARCHAR), 8, '0') AS 来电号码,
    '单位' || CAST(floor(r5 * 460) AS INTEGER) AS 承办单位,
    CASE WHEN i % 1000 = 5 THEN '9' ELSE CAST(1 + CAST(floor(r2 * 4) AS INTEGER) AS VARCHAR) END AS 紧急等级,
    0 AS 退单次数, '回复完成' AS 工单状态,
    CASE WHEN r3 < 0.9 THEN CASE WHEN r4 < 0.99 THEN '是' ELSE '否' END END AS 是否响应,
    CASE WHEN r3 < 0.9 THEN CASE WHEN r5 < 0.96 THEN '解决' ELSE '未解决' END END AS 是否解决,
    CASE WHEN r3 < 0.9 THEN CASE WHEN r1 < 0.96 THEN '满意' ELSE '不满意' END END AS 是否满意
    FROM (SELECT *, TIMESTAMP '2023-01-01' + to_days({when}) + to_seconds(CAST(floor(r2 * 86400) AS INTEGER)) AS moment FROM (
        SELECT i, random() AS r1, random() AS r2, random() AS r3, random() AS r4, random() AS r5,
            CAST(floor(343 * random() * random()) AS INTEGER) AS street
        FROM range({rows}) t(i))) s JOIN place p ON p.n = s.street)
    TO '{path}' (FORMAT csv, HEADER)"""


def write_ticket_file(path: Path, rows: int, *, first: int = 0, day: int | None = None) -> None:
    """Writes ``rows`` tickets over three and a half years, or on one day, numbered from ``first``.

    Two rows in a thousand hold a value that cannot be read and one in a thousand repeats a ticket, so that a
    run pays for what happens to such rows.
    """
    connection = duckdb.connect()
    connection.execute("SET threads = 2; SET memory_limit = '2GB'; SET enable_progress_bar = false; SELECT setseed(0.42)")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(
        "CREATE TABLE place AS SELECT row_number() OVER () - 1 AS n, name, parent_name FROM read_csv('cities/beijing_places.csv', all_varchar = true)"
    )
    when = f"{day}" if day is not None else f"CAST(floor(i * {DAYS}::DOUBLE / {rows}) AS INTEGER)"
    connection.execute(COPY.format(path=path, rows=rows, first=first, when=when))
    connection.close()
