"""The mart: one DuckDB file of rollups, built beside the one in use and swapped in by rename.

Each month remembers from which lake files and under which policy it was counted; a refresh counts again
only the months where either differs.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, astuple, dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from storage.home import fsync_path, write_whole
from storage.ledger import QUARANTINE_SCHEMA
from storage.naming import load_naming
from storage.positions import list_hexagons
from storage.quality import PLACED_COLUMNS, QUALITY_SCHEMA, count_quality, forget_quality
from storage.rollups import GRAINS, ROLLUPS, SCHEMA, grain_sql, judged_sql, rollup_sql
from storage.snapshot import current_version, mart_file
from storage.sources import literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from governance.policy import Policy, PolicyBook
    from storage.home import Home
    from storage.lake import Lake, LakeFile
    from storage.ledger import Ledger
    from storage.places import PlaceRegister
    from storage.profiles import Profile

__all__ = ["MartBuilder", "MonthState", "RefreshResult"]

SCHEMA_KEY = hashlib.sha256((SCHEMA + QUALITY_SCHEMA + str(ROLLUPS)).encode()).hexdigest()[:16]
CHUNK_TICKETS = 1_000_000
COUNTED_COLUMNS = (
    "ticket_id",
    "accepted_at",
    "request_type",
    "channel",
    "category_1",
    "category_2",
    "district_code",
    "subdistrict_code",
    "handling_unit",
    "urgency",
    "dispatched_at",
    "due_at",
    "closed_at",
    "is_responded",
    "resolution",
    "satisfaction",
    "is_assessed",
    "exclusion_reason",
    "repeat_group",
    "community",
    "longitude",
    "latitude",
)
LONGEST_LIMIT_DAYS = 31
"""Longer than any time limit; a month that ended earlier than this has no ticket whose limit is still to pass."""

KEEP_MARTS = 3
"""The one in use and two before it, for readers that opened them."""


@dataclass(frozen=True, slots=True)
class MonthState:
    """What a month's counts depend on."""

    files_key: str
    policy_key: str
    clock_key: str


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """What a refresh did: the snapshot now in use, the months counted again, tickets in all."""

    version: str
    months: tuple[str, ...]
    ticket_count: int
    unplaced_count: int
    is_new: bool


class MartBuilder:
    """Builds the next snapshot of a home.

    Parameters
    ----------
    home, lake, ledger, profile, register, policies
        What the counts are made from.
    connection
        A worker connection; the new mart is attached to it as ``mart``.
    """

    def __init__(
        self,
        home: Home,
        lake: Lake,
        ledger: Ledger,
        profile: Profile,
        register: PlaceRegister,
        policies: PolicyBook,
        connection: duckdb.DuckDBPyConnection,
    ) -> None:
        self.home = home
        self.lake = lake
        self.ledger = ledger
        self.profile = profile
        self.register = register
        self.policies = policies
        self.connection = connection
        self.naming = load_naming(home)
        self.by_month: dict[str, list[LakeFile]] = {}
        for item in lake.files():
            self.by_month.setdefault(item.month, []).append(item)

    @property
    def setting_key(self) -> str:
        """Fingerprint of what all months depend on: shape of the mart, profile, boundaries, aliases of places and names."""
        parts = [SCHEMA_KEY, self.profile.source, self.register.boundaries_key or "", self.register.aliases_key]
        if self.naming.key:
            parts.append(self.naming.key)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    def wanted(self) -> dict[str, MonthState]:
        """The state every month of the lake should be counted from."""
        states = {}
        for month, files in sorted(self.by_month.items()):
            files_key = hashlib.sha256("\0".join(item.path for item in files).encode()).hexdigest()[:16]
            policy = self.policies.on(month_start(month))
            states[month] = MonthState(files_key, hashlib.sha256(repr(policy.counting).encode()).hexdigest()[:16], self._clock_key(month))
        return states

    def _clock_key(self, month: str) -> str:
        """The day up to which overdue tickets are counted, for months whose open tickets may yet become overdue."""
        return str(self.as_of) if month_start(month) + timedelta(days=31 + LONGEST_LIMIT_DAYS) >= self.as_of else ""

    @cached_property
    def as_of(self) -> date:
        """The day after the last day of acceptance: what is open then and past its limit is overdue."""
        if not self.by_month:
            return date.min
        newest = self.lake.relation(self.by_month[max(self.by_month)])
        row = self.connection.execute(f"SELECT CAST(max(accepted_at) AS DATE) FROM {newest}").fetchone()
        return (row[0] if row else date.min) + timedelta(days=1)

    def build(self, *, full: bool = False) -> RefreshResult:
        """Counts what changed and publishes the new snapshot; without a change the present one stays."""
        present = current_version(self.home)
        beside = self.home.mart / "next.duckdb"
        self.home.mart.mkdir(parents=True, exist_ok=True)
        for leftover in self.home.mart.glob("next.duckdb*"):
            leftover.unlink()
        fresh = full or present is None or self._read_key(mart_file(self.home, present)) != self.setting_key
        if not fresh and present is not None:
            shutil.copyfile(mart_file(self.home, present), beside)
        run = self.connection.execute
        run(f"ATTACH {literal(str(beside))} AS mart")
        run("USE mart")
        if fresh:
            run(f"{SCHEMA}\n{QUALITY_SCHEMA}")
        wanted = self.wanted()
        known = {row[0]: MonthState(*row[1:]) for row in run("SELECT month, files_key, policy_key, clock_key FROM month_source").fetchall()}
        changed = tuple(month for month in sorted(wanted.keys() | known.keys()) if wanted.get(month) != known.get(month))
        batch_known = self._value("batch_no")
        is_new = fresh or bool(changed) or batch_known != str(self.lake.batch_no)
        if is_new:
            self._forget(changed)
            for chunk in self.chunks(month for month in changed if month in wanted):
                self._count(chunk, wanted)
            self._describe()
        tickets, unplaced = self._totals()
        run("USE memory")
        run("DETACH mart")
        version = self._publish(beside) if is_new or present is None else present
        beside.unlink(missing_ok=True)
        return RefreshResult(version, changed, tickets, unplaced, is_new)

    def _read_key(self, path: Path) -> str | None:
        """What the published mart was made from; None where it cannot be read, so that it is made anew."""
        try:
            self.connection.execute(f"ATTACH {literal(str(path))} AS present (READ_ONLY)")
            row = self.connection.execute("SELECT value FROM present.meta WHERE name = 'setting_key'").fetchone()
        except duckdb.Error:
            row = None
        self.connection.execute("DETACH DATABASE IF EXISTS present")
        return row[0] if row else None

    def _value(self, name: str) -> str | None:
        row = self.connection.execute("SELECT value FROM meta WHERE name = ?", [name]).fetchone()
        return row[0] if row else None

    def chunks(self, months: Iterable[str]) -> Iterator[list[str]]:
        """The months in runs of one policy and about a million tickets: few steps, bounded memory."""
        run: list[str] = []
        tickets = 0
        policy: Policy | None = None
        for month in months:
            count = sum(item.row_count for item in self.by_month[month])
            own = self.policies.on(month_start(month))
            if run and (own != policy or tickets + count > CHUNK_TICKETS):
                yield run
                run, tickets = [], 0
            run.append(month)
            tickets += count
            policy = own
        if run:
            yield run

    def _forget(self, months: tuple[str, ...]) -> None:
        forget_quality(self.connection, map(month_start, months))
        for month in months:
            start = month_start(month)
            for rollup in ROLLUPS:
                self.connection.execute(f"DELETE FROM {rollup.name} WHERE day >= DATE '{start}' AND day < DATE '{start}' + INTERVAL 1 MONTH")
            self.connection.execute("DELETE FROM month_source WHERE month = ?", [month])

    def _count(self, months: list[str], wanted: dict[str, MonthState]) -> None:
        run = self.connection.execute
        self._place(months)
        count_quality(self.connection, self.lake, self._files(months), "placed")
        self._count_placed(months)
        for rollup in ROLLUPS:
            run(f"INSERT INTO {rollup.name} {rollup_sql(rollup)}")
        for grain in GRAINS:
            run(f"DROP TABLE {grain}")
        states = [(month, *astuple(wanted[month])) for month in months]
        self.connection.executemany("INSERT INTO month_source VALUES (?, ?, ?, ?)", states)

    def count_cells(self, months: list[str]) -> None:
        """Makes the temporary tables of finest cells: tickets of months under one policy, counted."""
        self._place(months)
        self._count_placed(months)

    def _files(self, months: list[str]) -> list[LakeFile]:
        return [item for month in months for item in self.by_month[month]]

    def _place(self, months: list[str]) -> None:
        """Makes table ``placed``: the tickets with their places resolved and under the names that count."""
        columns = dict.fromkeys((*COUNTED_COLUMNS, *PLACED_COLUMNS))
        placed = self.register.place_sql(self.connection, self.lake.relation(self._files(months)))
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE placed AS SELECT {', '.join(columns)} FROM {placed}")
        self.naming.apply(self.connection, "placed")

    def _count_placed(self, months: list[str]) -> None:
        run = self.connection.execute
        self._add_members()
        policy = self.policies.on(month_start(months[0]))
        run(f"CREATE OR REPLACE TEMP TABLE judged AS {judged_sql('placed', policy)}")
        run("DROP TABLE placed")
        list_hexagons(self.connection, "judged")
        for grain in GRAINS:
            run(f"CREATE OR REPLACE TEMP TABLE {grain} AS {grain_sql(grain, 'judged', policy, self.as_of)}")
        run("DROP TABLE judged")

    def _add_members(self) -> None:
        """Gives every place, category and unit of the month a number; numbers once given stay."""
        run = self.connection.execute
        run(
            "INSERT INTO place SELECT (SELECT coalesce(max(place_id), -1) FROM place) + row_number() OVER (ORDER BY d, s), d, s FROM ("
            "SELECT DISTINCT district_code AS d, subdistrict_code AS s FROM placed) n WHERE NOT EXISTS "
            "(SELECT 1 FROM place p WHERE p.district_code IS NOT DISTINCT FROM n.d AND p.subdistrict_code IS NOT DISTINCT FROM n.s)"
        )
        run(
            "INSERT INTO unit SELECT (SELECT coalesce(max(unit_id), -1) FROM unit) + row_number() OVER (ORDER BY n), n, n, NULL FROM ("
            "SELECT DISTINCT handling_unit AS n FROM placed) WHERE NOT EXISTS (SELECT 1 FROM unit u WHERE u.unit_code IS NOT DISTINCT FROM n)"
        )
        for word in self.profile.units:
            condition = "unit_type IS NULL AND unit_name IS NOT NULL" if word == "*" else f"unit_code = {literal(word)}"
            run(f"UPDATE unit SET unit_type = {literal(self.profile.units[word])} WHERE {condition}")
        run(
            "INSERT INTO category SELECT first + row_number() OVER (ORDER BY one, two), one_id, one, two FROM ("
            "SELECT (SELECT coalesce(max(category_id), -1) FROM category) AS first, one, two, "
            "coalesce((SELECT min(category_1_id) FROM category c WHERE c.category_1 IS NOT DISTINCT FROM one), "
            "(SELECT coalesce(max(category_1_id), -1) FROM category) + dense_rank() OVER (ORDER BY known, one)) AS one_id FROM ("
            "SELECT DISTINCT category_1 AS one, category_2 AS two, "
            "EXISTS (SELECT 1 FROM category c WHERE c.category_1 IS NOT DISTINCT FROM t.category_1) AS known FROM placed t) n "
            "WHERE NOT EXISTS (SELECT 1 FROM category c WHERE c.category_1 IS NOT DISTINCT FROM n.one AND c.category_2 IS NOT DISTINCT FROM n.two))"
        )

    def _describe(self) -> None:
        """Facts about the snapshot, the register of places, the ledger and the quarantine."""
        run = self.connection.execute
        first, last = self._days()
        city = self.profile.city
        facts = {
            "setting_key": self.setting_key,
            "batch_no": str(self.lake.batch_no),
            "lake_version": str(self.lake.version),
            "built_at": datetime.now(UTC).astimezone(city.zone).isoformat(timespec="seconds"),
            "city": json.dumps(city.model_dump(), ensure_ascii=False),
            "data_from": str(first or ""),
            "data_until": str(last or ""),
            "boundaries_key": self.register.boundaries_key or "",
        }
        run("DELETE FROM meta")
        self.connection.executemany("INSERT INTO meta VALUES (?, ?)", list(facts.items()))
        self._replace("register", pa.Table.from_pandas(self.register.table().astype({"population": "float64", "area_km2": "float64"}), preserve_index=False))
        rows = [{"batch_no": batch.batch_no, "started_at": batch.started_at} | asdict(item) for batch in self.ledger.batches() for item in batch.files]
        self._replace("batch", pa.Table.from_pylist(rows) if rows else pa.table({"batch_no": pa.array([], pa.int64())}))
        paths = self.ledger.quarantine_files()
        listed = ", ".join(literal(str(path)) for path in paths)
        if paths:
            run(f"CREATE OR REPLACE TABLE quarantine AS SELECT * FROM read_parquet([{listed}])")
        else:
            self._replace("quarantine", QUARANTINE_SCHEMA.empty_table())

    def _replace(self, name: str, content: pa.Table) -> None:
        self.connection.register("given", content)
        self.connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM given")
        self.connection.unregister("given")

    def _days(self) -> tuple[date | None, date | None]:
        row = self.connection.execute("SELECT min(day), max(day) FROM city_day").fetchone()
        return (row[0], row[1]) if row else (None, None)

    def _totals(self) -> tuple[int, int]:
        row = self.connection.execute(
            "SELECT coalesce(sum(intake_count), 0), coalesce(sum(intake_count) FILTER (WHERE subdistrict_code IS NULL), 0) "
            "FROM place_day JOIN place USING (place_id)"
        ).fetchone()
        return (int(row[0]), int(row[1])) if row else (0, 0)

    def _publish(self, beside: Path) -> str:
        fsync_path(beside)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        version = f"{self.lake.batch_no:06d}-{stamp}"
        beside.rename(mart_file(self.home, version))
        fsync_path(self.home.mart)
        write_whole(self.home.mart / "CURRENT", version.encode())
        for old in sorted(self.home.mart.glob("0*.duckdb"))[:-KEEP_MARTS]:
            old.unlink(missing_ok=True)
        return version


def month_start(month: str) -> date:
    """First day of a month written "2024-03"."""
    return date.fromisoformat(f"{month}-01")
