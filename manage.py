"""The command line of Weisu: bring tickets in, publish a snapshot, check, back up, serve.

Every command prints for people; with ``--json`` it prints one machine-readable object on standard output and
nothing else there. Exit code 2 means that something delivered or asked for cannot be used, and that nothing
was changed.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from geodata.emerging import Emerging
from pipeline.backup import backup as make_backup
from pipeline.backup import restore as put_back
from pipeline.demo.make import DemoResult, is_empty, make_demo
from pipeline.demo.part import Order
from pipeline.focus.run import FocusResult
from pipeline.focus.run import focus as run_focus
from pipeline.forecast_file import MODELS, ForecastOrder, ForecastResult, forecast_file
from pipeline.foresight.run import ForesightResult
from pipeline.foresight.run import foresee as run_foresight
from pipeline.hotspot_file import CLASS_NAMES, HotspotResult, hotspot_file
from pipeline.ingest import IngestResult
from pipeline.ingest import ingest as run_ingest
from pipeline.progress import Progress, progress_for
from pipeline.refresh import check as run_check
from pipeline.refresh import refresh as run_refresh
from pipeline.uploads import work_on_upload
from storage.home import Home, InputError
from storage.profiles import load_profile

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="未诉先办:工单入库、统计、核对、备份、服务。状态都在 WEISU_HOME(默认 data/)下。",
)


Json = Annotated[bool, typer.Option("--json", help="在标准输出上给出一个机器可读的结果对象")]
COUNTS = ("read", "loaded", "updated", "unchanged", "quarantined", "unplaced")
COUNT_WORDS = {"read": "读入", "loaded": "新增", "updated": "更新", "unchanged": "未变", "quarantined": "隔离", "unplaced": "未落图"}


def _say(text: str, as_json: bool) -> None:
    print(text, file=sys.stderr if as_json else sys.stdout)


def _give(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(result, ensure_ascii=False, default=str))  # noqa: T201


@app.command(help="工单文件入库:每一行或新增、或更新、或未变、或隔离并写明原因。")
def ingest(
    files: Annotated[list[Path], typer.Argument(help="CSV、Parquet 或 XLSX 文件,一个或多个")],
    city: Annotated[str | None, typer.Option(help="城市配置名(cities/ 下)或一个 .toml 文件;首次入库必填")] = None,
    boundaries: Annotated[Path | None, typer.Option(help="边界文件(GeoJSON 等),随本批安装")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查并给出结果,不写入")] = False,
    refresh: Annotated[bool, typer.Option(help="入库后随即更新统计快照")] = True,
    as_json: Json = False,
) -> None:
    """Bring ticket files into the lake."""
    progress = Progress() if as_json else progress_for(sys.stderr)
    result = run_ingest(Home.from_environment(), files, city=city, boundaries=boundaries, dry_run=dry_run, progress=progress)
    _say(_ingest_text(result), as_json)
    snapshot = None
    if refresh and not dry_run:
        snapshot = run_refresh(Home.from_environment())
        _say(f"统计快照 {snapshot.version}: 重算 {len(snapshot.months)} 个月, 共 {snapshot.ticket_count:,} 件, 未落图 {snapshot.unplaced_count:,} 件", as_json)
    _give(_ingest_object(result) | {"snapshot": asdict(snapshot) if snapshot else None}, as_json)


def _ingest_text(result: IngestResult) -> str:
    lines = ["试运行,未写入" if result.dry_run else f"第 {result.batch.batch_no} 批已入库"]
    for item in result.batch.files:
        counts = asdict(item)
        lines.append(f"  {item.file}: " + ", ".join(f"{COUNT_WORDS[name]} {counts[name]:,}" for name in COUNTS))
    if len(result.batch.files) > 1:
        lines.append("  合计: " + ", ".join(f"{COUNT_WORDS[name]} {result.total(name):,}" for name in COUNTS))
    lines.append(f"  用时 {result.seconds:.1f} 秒, {result.total('read') / max(result.seconds, 1e-3):,.0f} 行/秒")
    return "\n".join(lines)


def _ingest_object(result: IngestResult) -> dict[str, Any]:
    return {
        "command": "ingest",
        "dry_run": result.dry_run,
        "batch_no": result.batch.batch_no,
        "seconds": round(result.seconds, 3),
        **{name: result.total(name) for name in COUNTS},
        "files": [{"file": item.file, **{name: getattr(item, name) for name in COUNTS}} for item in result.batch.files],
        "absent_columns": result.absent,
    }


@app.command(help="生成演示城市:虚构的工单(假定数据),经正常入库后发布统计快照。")
def demo(
    tickets: Annotated[int, typer.Option(help="诉求件数(另有约1.5倍的咨询等)", min=1000, max=200_000_000)] = 1_500_000,
    until: Annotated[datetime | None, typer.Option(help="数据截止日,例: 2025-06-30;默认昨天", formats=["%Y-%m-%d"])] = None,
    seed: Annotated[int, typer.Option(help="随机种子:相同的件数、截止日和种子给出相同的数据", min=0)] = 12345,
    boundaries: Annotated[Path | None, typer.Option(help="边界文件;不给时按中心点和面积画示意边界")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="换掉已有的演示城市;其他城市的数据从不会被删除")] = False,
    if_empty: Annotated[bool, typer.Option("--if-empty", help="只在还没有任何数据时生成,否则什么也不做")] = False,
    as_json: Json = False,
) -> None:
    """Make the demo city."""
    home = Home.from_environment()
    if if_empty and not is_empty(home):
        _give({"command": "demo", "is_new": False}, as_json)
        return
    progress = Progress() if as_json else progress_for(sys.stderr)
    order = Order(tickets, _last_day(until), seed)
    if if_empty:
        _say("还没有数据, 先生成演示城市(虚构数据, 约一分钟); 导入自己的工单请另设 WEISU_HOME", as_json)
    result = make_demo(home, order, replace=replace, boundaries=boundaries, progress=progress)
    _say(_demo_text(result, order), as_json)
    _give({"command": "demo", "until": str(order.until), "seed": order.seed} | asdict(result), as_json)


def _last_day(until: datetime | None) -> date:
    """The day asked for, which must be over; yesterday where none was."""
    yesterday = datetime.now(load_profile("demo").city.zone).date() - timedelta(days=1)
    if until is None:
        return yesterday
    if until.date() > yesterday:
        message = f"截止日 {until.date()} 还没有过完; 最晚为昨天 {yesterday}"
        raise InputError(message)
    return until.date()


def _demo_text(result: DemoResult, order: Order) -> str:
    made = f"演示城市: 诉求 {result.tickets:,} 件, 全部工单 {result.rows:,} 件, 截至 {order.until}, 种子 {order.seed} (全部为假定数据)"
    if not result.is_new:
        return f"{made}; 已经装好, 未作改动"
    borders = "示意边界" if result.schematic else "所给边界"
    steps = ", ".join(f"{word} {result.seconds[name]:.1f} 秒" for name, word in (("generate", "生成"), ("ingest", "入库"), ("refresh", "统计")))
    return f"{made}\n  统计快照 {result.version}, {borders}; {steps}"


@app.command(help="把变动的月份重新统计成新的快照并发布;读者一直能看旧快照。")
def refresh(
    full: Annotated[bool, typer.Option("--full", help="重算所有月份")] = False,
    as_json: Json = False,
) -> None:
    """Count changed months again and publish the snapshot."""
    result = run_refresh(Home.from_environment(), full=full)
    state = "已发布" if result.is_new else "无变动"
    _say(f"统计快照 {result.version} {state}: 重算 {len(result.months)} 个月, 共 {result.ticket_count:,} 件, 未落图 {result.unplaced_count:,} 件", as_json)
    _give({"command": "refresh"} | asdict(result), as_json)


@app.command(help="核对:票仓与日志、台账、快照逐月逐格比较;有差异时退出码为 1。")
def check(as_json: Json = False) -> None:
    """Compare lake, log, ledger and snapshot; exit code 1 where they differ."""
    result = run_check(Home.from_environment())
    for finding in result.findings:
        _say(f"不符 {finding.where}: {finding.message}", as_json)
    verdict = "一致" if not result.findings else f"{len(result.findings)} 处不符"
    _say(f"核对 {result.months} 个月 {result.tickets:,} 件, 快照 {result.version}: {verdict}", as_json)
    _give({"command": "check", "ok": not result.findings} | asdict(result), as_json)
    if result.findings:
        raise typer.Exit(1)


@app.command(help="把一个城市的全部状态备份成一个文件。")
def backup(archive: Annotated[Path, typer.Argument(help="备份文件,例: weisu.tar")], as_json: Json = False) -> None:
    """Write the whole home into one archive."""
    result = make_backup(Home.from_environment(), archive)
    _say(f"已备份 {result.files} 个文件 {result.bytes / 1e6:.1f} MB 到 {result.archive}", as_json)
    _give({"command": "backup"} | asdict(result), as_json)


@app.command(help="把备份恢复到一个空的 WEISU_HOME;每个文件先核对校验和。")
def restore(archive: Annotated[Path, typer.Argument(help="备份文件")], as_json: Json = False) -> None:
    """Put an archive back into an empty home."""
    result = put_back(Home.from_environment(), archive)
    _say(f"已恢复 {result.files} 个文件, 快照 {result.version}", as_json)
    _give({"command": "restore"} | asdict(result), as_json)


@app.command(help="前瞻:由现行快照作出逐日逐周预测、季节图谱和季节预警,给到期的预警计分。")
def foresee(
    if_stale: Annotated[bool, typer.Option("--if-stale", help="快照、口径和模型都没有变时什么也不做")] = False,
    as_json: Json = False,
) -> None:
    """Make forecasts and warnings of the snapshot in use."""
    result = run_foresight(Home.from_environment(), if_stale=if_stale, tell=lambda text: _say(f"  {text}", as_json))
    _say(_foresight_text(result), as_json)
    _give({"command": "foresee"} | asdict(result), as_json)


@app.command(help="重点治理:在现行快照中查找热点(各月类别、时空聚集、点位、承办单位),接续以前找到的。")
def focus(
    if_stale: Annotated[bool, typer.Option("--if-stale", help="快照、口径和方法都没有变时什么也不做")] = False,
    as_json: Json = False,
) -> None:
    """Find the hot spots of the snapshot in use."""
    result = run_focus(Home.from_environment(), if_stale=if_stale, tell=lambda text: _say(f"  {text}", as_json))
    _say(_focus_text(result), as_json)
    _give({"command": "focus"} | asdict(result), as_json)


def _focus_text(result: FocusResult) -> str:
    if not result.is_new:
        return f"热点 {result.version}: 已是最新, 未作改动"
    return (
        f"热点 {result.version}, 数据截至 {result.cutoff}: {result.places:,} 个地区 {result.problems:,} 类问题, 扫描 {result.scans:,} 次, "
        f"在列 {result.hotspots} 个(新增 {result.new} 个, 加剧 {result.worsening} 个), 点位 {result.points} 个, 用时 {result.seconds:.1f} 秒"
    )


def _foresight_text(result: ForesightResult) -> str:
    if not result.is_new:
        return f"前瞻 {result.version}: 已是最新, 未作改动"
    return (
        f"前瞻 {result.version}, 数据截至 {result.cutoff}: {result.series:,} 个序列, 新回放 {result.replays} 次, "
        f"预警 {result.warned} 条(新发 {result.issued} 条), 计分 {result.scored} 条, 用时 {result.seconds:.1f} 秒"
    )


@app.command(help="预测任意计数序列:长表 unique_id, ds, y(CSV 或 Parquet),写出均值和分位数。")
def forecast(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    file: Annotated[Path, typer.Argument(help="长表:unique_id(序列), ds(日期), y(件数,未知留空)")],
    horizon: Annotated[int, typer.Option(help="预测多少期(日或周)")],
    out: Annotated[Path, typer.Option(help="写到哪里(.csv 或 .parquet)")],
    levels: Annotated[str, typer.Option(help="区间(百分数),逗号隔开")] = "50,80,95",
    cutoff: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="只用到这一天为止的数据;默认用全部")] = None,
    freq: Annotated[str | None, typer.Option(help="D(日)或 W(周);默认从日期间隔看出")] = None,
    calendar: Annotated[str, typer.Option(help="历法,如 CN-BJ、US-NY、none;auto 从数据中选")] = "auto",
    group: Annotated[str | None, typer.Option(help="分组列:同组序列互相借鉴季节,例如分类")] = None,
    model: Annotated[str, typer.Option(help=f"模型:{'、'.join(MODELS)}")] = next(iter(MODELS)),
    as_json: Json = False,
) -> None:
    """Forecast the series of a file."""
    order = ForecastOrder(horizon, _percents(levels), cutoff.date() if cutoff else None, freq, calendar, group, model)
    result = forecast_file(file, order, out)
    _say(_forecast_text(result), as_json)
    _give({"command": "forecast"} | asdict(result), as_json)


def _percents(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        message = f"--levels 是 {text!r}; 允许 1 到 99 的整数, 用逗号隔开, 如 50,80,95"
        raise InputError(message) from error


def _forecast_text(result: ForecastResult) -> str:
    unit = {"D": "天", "W": "周"}[result.frequency]
    served = ", ".join(f"{name} {count:,} 个" for name, count in result.models.items())
    return "\n".join(
        [
            f"预测 {result.series:,} 个序列, 已知到 {result.cutoff}, 预测 {result.first} 至 {result.last} 共 {result.steps} {unit}",
            f"  模型: {served}; 历法 {result.calendar}",
            f"  已写出 {result.rows:,} 行: {result.out}",
        ]
    )


@app.command(help="在任意计数表中找热点:长表 area_code, period, observed[, expected, population],写出类别、统计量、p 值和聚集区。")
def hotspots(
    file: Annotated[Path, typer.Argument(help="长表:area_code(区域编码), period(日期、月份或数), observed(件数);可有 expected 或 population")],
    boundaries: Annotated[Path, typer.Option(help="边界文件(GeoJSON、TopoJSON、GPKG、Shapefile);编码所在的属性自动找出")],
    out: Annotated[Path, typer.Option(help="写到哪里(.csv 或 .parquet);聚集区写在旁边的 <名>_clusters")],
    seed: Annotated[int, typer.Option(help="模拟的种子:同一种子结果相同")] = 0,
    as_json: Json = False,
) -> None:
    """Find hot spots in the counts of a file."""
    result = hotspot_file(file, boundaries, out, seed=seed)
    _say(_hotspot_text(result), as_json)
    _give({"command": "hotspots"} | asdict(result), as_json)


def _hotspot_text(result: HotspotResult) -> str:
    classes = ", ".join(f"{CLASS_NAMES[Emerging(name)]} {count} 个" for name, count in result.classes.items()) or "无"
    lines = [
        f"{result.areas:,} 个区域, {result.periods:,} 期; 最近一期热点 {result.hot} 个、冷点 {result.cold} 个; 过度离散系数 {result.dispersion:.3f}",
        f"  类别(含冷点): {classes}; 聚集区(p 不超过 0.05) {result.clusters} 个",
        f"  已写出: {result.out}, {result.clusters_out}",
    ]
    if result.unplaced:
        lines.append(f"  {len(result.unplaced)} 个编码不在边界文件中, 没有计入: {', '.join(result.unplaced[:5])}")
    if result.silent:
        lines.append(f"  {result.silent} 个区域在表中没有行, 按没有诉求计")
    if result.islands:
        lines.append(f"  没有邻区的 {len(result.islands)} 个区域接到最近的一区: {', '.join(result.islands[:5])}")
    return "\n".join(lines)


@app.command(help="处理页面上传的文件(试运行或入库);由页面启动。", hidden=True)
def upload(token: Annotated[str, typer.Argument(help="上传编号")]) -> None:
    """Rehearse or store the file that an administrator handed in; exit code 1 where it could not be used."""
    if not work_on_upload(Home.from_environment(), token):
        raise typer.Exit(1)


@app.command(help="启动网页服务。")
def serve(
    port: Annotated[int, typer.Option(help="端口")] = 8501,
    address: Annotated[str, typer.Option(help="监听地址;演示身份只允许本机地址")] = "127.0.0.1",
) -> None:
    """Serve the pages."""
    here = Path(__file__).resolve().parent
    os.environ["WEISU_HOME"] = str(Home.from_environment().root)
    os.chdir(here)
    command = [sys.executable, "-m", "streamlit", "run", str(here / "server.py"), f"--server.port={port}", f"--server.address={address}"]
    os.execv(sys.executable, command)


def main() -> None:
    """Runs a command; what cannot be used is said in one sentence with exit code 2."""
    try:
        app()
    except InputError as error:
        print(f"错误: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None
    except Exception as error:  # noqa: BLE001 - the last place where a fault can still be said in a sentence
        said = (str(error).strip().splitlines() or [""])[0]
        print(f"程序出错: {type(error).__name__}: {said[:300]}; 已入库的数据不受影响, 可用 check 核对, refresh --full 重建快照", file=sys.stderr)  # noqa: T201
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
