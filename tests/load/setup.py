"""`make bench BENCH=setup`: an empty database becomes a district by commands alone, and its lists stay quick.

30 streets, 300 stations, 200,000 elders and 100,000 devices are written as files in the words of offices, taken in by
`anhu init` and `anhu import`, and then looked for over HTTP as an administrator of the root and as an operator of one
station do. Everybody is invented: there is no district 500199.
"""

import argparse
import csv
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from services.registry.imports.identity_number import check_character
from services.registry.sealing import new_key
from tests.load.measuring import durability, machine, percentiles, report
from tests.parts.ports import free_port
from tests.parts.postgres import PostgresServer
from tests.parts.system import ROOT, SECRET_KEY, is_ready
from tests.parts.waiting import until

SURNAMES = "张王李刘陈杨黄周吴唐罗何邓蒋冉谭龙覃向秦曾许韩冯"
GIVEN = "桂兰秀英素珍淑芬玉华光碧世琼朝永兴惠明德国福荣全贵财义安邦正清学文维忠建平志勇红梅丽娟强军"
ROADS = ("安和路", "松柏巷", "康宁路", "石梯巷", "建设路", "人民街", "滨河路", "团结巷", "文化街", "和平路")
COMMUNITIES = ("红星", "北禅", "西禅", "东风", "向阳", "新华", "民主", "团结", "胜利", "和平")
ELDER_COLUMNS = (
    *("姓名", "身份证号", "联系电话", "住址", "所属社区", "能力等级", "护理类别", "居住情况"),
    *("紧急联系人1", "紧急联系人1关系", "紧急联系人1电话"),
)
CATEGORIES = ("", "", "", "低保", "特困", "失能、高龄", "高龄", "残疾", "计划生育特殊家庭")


def write_files(folder: Path, streets: int, stations: int, elders: int, devices: int) -> None:
    draw = random.Random(1)
    with _Csv(folder / "divisions.csv", "code", "name") as rows:
        rows.writerow(("500199", "某区"))
        for street in range(1, streets + 1):
            rows.writerow((f"500199{street:03d}", f"第{street}街道"))
        for place in range(stations):
            name = f"{COMMUNITIES[place % len(COMMUNITIES)]}{place}社区居民委员会"
            rows.writerow((_station(place, streets), name))
    with _Csv(folder / "elders.csv", *ELDER_COLUMNS) as rows:
        for number in range(elders):
            name = draw.choice(SURNAMES) + "".join(draw.choices(GIVEN, k=draw.choice((1, 2, 2, 2))))
            place = number % stations
            rows.writerow(
                (
                    *(name, identity(number), f"023-{number:08d}"),
                    f"某区第{place % streets + 1}街道{draw.choice(ROADS)}{draw.randint(1, 300)}号{draw.randint(1, 9)}幢"
                    f"{draw.randint(1, 30)}楼{draw.randint(1, 4)}室",
                    *(_station(place, streets), draw.choice(("能力完好", "轻度失能", "中度失能", "重度失能"))),
                    *(draw.choice(CATEGORIES), draw.choice(("独居", "与配偶同住", "与子女同住"))),
                    *(f"{name[0]}某", draw.choice(("女儿", "儿子", "邻居")), f"023-1{number:07d}"),
                )
            )
    with _Csv(folder / "devices.csv", "设备编号", "设备类型", "身份证号") as rows:
        for number in range(devices):
            rows.writerow((f"wb-{number:06d}", "手环", identity(number * 2 % elders)))
    with _Csv(folder / "people.csv", "姓名", "登录名", "角色", "所属机构", "初始密码") as rows:
        rows.writerow(("王某（虚构）一", "station-1", "值班员", _station(0, streets), "a-password-of-the-bench"))


class _Csv:
    def __init__(self, path: Path, *header: str) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file)
        self._rows.writerow(header)

    def __enter__(self) -> Any:
        return self._rows

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _station(place: int, streets: int) -> str:
    return f"500199{place % streets + 1:03d}{place // streets + 1:03d}"


def identity(number: int) -> str:
    day = number // 999
    first = f"500199{1930 + day // 336 % 30}{day % 336 // 28 + 1:02d}{day % 28 + 1:02d}{number % 999 + 1:03d}"
    return first + check_character(first)


def commands(folder: Path, environment: dict[str, str], server: PostgresServer) -> dict[str, dict[str, float]]:
    """Seconds of each: by the clock, and of a processor, the command's and the database's."""
    taken = {}
    postmaster = psutil.Process(server.pid)

    def spent() -> tuple[float, float]:
        # A command's and a session's are added to their parent's when they have ended.
        own, theirs = os.times(), postmaster.cpu_times()
        return own.children_user + own.children_system, theirs.children_user + theirs.children_system

    for name, words in (
        ("init", ["init", "--divisions", "divisions.csv"]),
        ("accounts", ["import", "accounts", "people.csv", "--secrets", "passwords.csv"]),
        ("elders_dry_run", ["import", "elders", "elders.csv", "--dry-run"]),
        ("elders", ["import", "elders", "elders.csv"]),
        ("elders_again", ["import", "elders", "elders.csv"]),
        ("devices", ["import", "devices", "devices.csv", "--secrets", "secrets.csv"]),
    ):
        before, begun = spent(), time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "services.cli", *words], cwd=folder, env=environment, check=True, capture_output=True
        )
        wall = time.perf_counter() - begun
        until(lambda spent_before=before: spent()[1] > spent_before[1], f"the session of {name} has ended")
        after = spent()
        taken[name] = {
            "clock": round(wall, 1),
            "cpu": round(after[0] - before[0], 1),
            "cpu_database": round(after[1] - before[1], 1),
        }
        print(f"{name}: {taken[name]}; {done.stderr.decode().splitlines()[-1]}", file=sys.stderr)
        if name == "init":
            (folder / "password").write_bytes(done.stdout.strip())
    return taken


def searches(elders: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(name, path, parameters), of each some that many have, few, and nobody."""
    draw = random.Random(2)
    for _ in range(20):
        number = draw.randrange(elders)
        name = draw.choice(SURNAMES) + "".join(draw.choices(GIVEN, k=2))
        yield "name", "/elders", {"search": name}
        yield "part_of_name", "/elders", {"search": name[1:]}
        yield "surname", "/elders", {"search": name[0]}
        yield "initials", "/elders", {"search": "".join(draw.choices("zwlcyhtgjm", k=3))}
        yield "phone", "/elders", {"search": f"{number:08d}"[-4:]}
        yield "address", "/elders", {"search": f"{draw.choice(ROADS)}{draw.randint(1, 300)}号"}
        yield "common_address", "/elders", {"search": draw.choice(("某区第", "街道", "号1幢"))}
        yield "two_words", "/elders", {"search": f"{name[0]} {draw.choice(ROADS)}"}
        yield "nobody", "/elders", {"search": "诸葛孔明"}
        yield "category", "/elders", {"care_category": draw.choice(("特困", "残疾"))}
        yield "first_page", "/elders", {}
        yield "devices", "/devices", {}
        yield "device_id", "/devices", {"search": f"{draw.randrange(100_000):06d}"}
        yield "device_of_elder", "/devices", {"search": name}


def measure(url: str, elders: int, username: str, password: str) -> dict[str, dict[str, float]]:
    taken: dict[str, list[float]] = {}
    with httpx.Client(base_url=f"{url}/api/v1", timeout=60) as client:
        token = client.post("/token", data={"username": username, "password": password}).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        for name, path, parameters in searches(elders):
            begun = time.perf_counter()
            answer = client.get(path, params=parameters)
            assert answer.status_code == 200, answer.text
            taken.setdefault(name, []).append((time.perf_counter() - begun) * 1000)
        pages, cursor = [], None
        for _ in range(20):
            begun = time.perf_counter()
            answer = client.get("/elders", params={"limit": 50} | ({"cursor": cursor} if cursor else {}))
            pages.append((time.perf_counter() - begun) * 1000)
            cursor = answer.json()["next"]
            if cursor is None:
                break
        taken["next_pages"] = pages
    return {name: percentiles(times) for name, times in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streets", type=int, default=30)
    parser.add_argument("--stations", type=int, default=300)
    parser.add_argument("--elders", type=int, default=200_000)
    parser.add_argument("--devices", type=int, default=100_000)
    arguments = parser.parse_args()
    before = machine()
    with tempfile.TemporaryDirectory(prefix="anhu-bench-") as name:
        folder = Path(name)
        server = PostgresServer(folder / "postgres", {"max_connections": "50", "shared_buffers": "512MB"})
        server.start()
        try:
            with psycopg.connect(server.url(), autocommit=True) as connection:
                connection.execute("CREATE DATABASE bench")
            write_files(folder, arguments.streets, arguments.stations, arguments.elders, arguments.devices)
            port = free_port()
            environment = {name: value for name, value in os.environ.items() if not name.startswith("ANHU_")} | {
                "ANHU_DATABASE_URL": server.url("bench"),
                "ANHU_DATA_KEYS": new_key("bench"),
                "ANHU_SECRET_KEY": SECRET_KEY,
                "ANHU_HTTP_PORT": str(port),
                "PYTHONPATH": str(ROOT),
            }
            seconds = commands(folder, environment, server)
            with (folder / "api.log").open("wb") as log:
                api = subprocess.Popen(
                    [sys.executable, "-m", "services.cli", "api"], env=environment, stdout=log, stderr=log
                )
            try:
                url = f"http://127.0.0.1:{port}"
                until(lambda: is_ready(url) or _answers(url), "the api answers", limit=60)
                lists = {
                    "administrator": measure(url, arguments.elders, "admin", (folder / "password").read_text()),
                    "operator": measure(url, arguments.elders, "station-1", "a-password-of-the-bench"),
                }
            finally:
                api.terminate()
                api.wait(20)
            report(
                {
                    "bench": "setup",
                    **{name: getattr(arguments, name) for name in ("streets", "stations", "elders", "devices")},
                    "seconds": seconds,
                    "lists_ms": lists,
                    "durability": durability(server.url("bench")),
                }
                | before
            )
        finally:
            server.stop()


def _answers(url: str) -> bool:
    """Without gateways and alerts the system is not ready, and the api answers all the same."""
    try:
        return httpx.get(f"{url}/healthz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    main()
