"""`make bench BENCH=setup`: an empty database becomes a district by commands alone, and its lists stay quick.

30 streets, 300 stations, 200,000 elders and 100,000 devices are written as files in the words of offices, taken in by
`anhu init` and `anhu import`, and then looked for over HTTP as an administrator of the root and as an operator of one
station do. Then a year of work is filled in: 100,000 alerts with what was done about each, visits, requests, trails,
and what devices said of themselves; and every list and report of the API is asked for, as the administrator, as a
supervisor of the district and as that operator. Everybody is invented: there is no district 500199.
"""

import argparse
import asyncio
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
from psycopg import AsyncConnection

from alerts.built_in_rules import store_built_in
from alerts.visit_dues import refresh_dues
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
#: Files, the state of the system, and what leads a browser elsewhere.
NO_LISTS = ("/readyz", "/healthz", "/api/v1/oidc/start", "/api/v1/oidc/callback")
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
        rows.writerow(("李某（虚构）二", "district-1", "监管人员", "500199", "a-password-of-the-bench"))


#: A year of a district, by statements: what imports cannot bring. Parameters: alerts, visits a due elder, requests.
_WORK = (
    """
INSERT INTO alerts (id, type, severity, title, state, elder_id, device_id, device_kind, place, organization_id,
                    event_id, occurred_at, received_at, raised_at, last_move_at, outcome, holder_id, holder_name)
SELECT gen_random_uuid(), (ARRAY['sos', 'fall', 'device.offline', 'spo2_low'])[n %% 4 + 1],
       (ARRAY['red', 'orange', 'yellow', 'yellow'])[n %% 4 + 1],
       (ARRAY['紧急呼救', '疑似跌倒', '设备离线', '血氧偏低'])[n %% 4 + 1],
       CASE WHEN n < 500 THEN 'triggered' WHEN n %% 9 = 0 THEN 'followed_up' ELSE 'resolved' END,
       d.elder_id, d.device_id, d.kind, '某区（虚构）', d.organization_id, 'bench-' || n, t.at, t.at, t.at,
       t.at + interval '9 minutes',
       CASE WHEN n < 500 THEN NULL ELSE (ARRAY['assisted', 'false_alarm', 'hospital', 'accidental'])[n %% 4 + 1] END,
       c.id, c.name
FROM generate_series(0, %(alerts)s - 1) n
JOIN (SELECT *, row_number() OVER (ORDER BY device_id) - 1 AS place FROM devices) d
    ON d.place = n * 7919 %% (SELECT count(*) FROM devices)
CROSS JOIN LATERAL (SELECT now() - n * interval '5 minutes' AS at) t
JOIN accounts c ON c.username = 'station-1'
""",
    """
INSERT INTO alert_routes (alert_id, organization_id, reason, since)
SELECT a.id, a.organization_id, 'home', a.raised_at FROM alerts a
UNION ALL
SELECT a.id, o.parent_id, 'escalated', a.raised_at + interval '1 minute' FROM alerts a
JOIN organizations o ON o.id = a.organization_id WHERE a.severity = 'red' AND o.parent_id IS NOT NULL
""",
    """
INSERT INTO alert_timeline (alert_id, at, kind, account_id, actor, version)
SELECT a.id, a.raised_at + k.place * interval '3 minutes', kind, CASE WHEN k.place > 0 THEN a.holder_id END,
       CASE WHEN k.place > 0 THEN a.holder_name ELSE '系统' END, k.place + 1
FROM alerts a CROSS JOIN unnest('{0,1,2}'::int[], '{raised,acknowledged,resolved}'::text[]) AS k (place, kind)
WHERE k.place = 0 OR a.state <> 'triggered'
""",
    """
INSERT INTO visit_assignments (elder_id, account_id)
SELECT d.elder_id, c.id FROM visit_dues d, accounts c WHERE c.username = 'station-1'
AND d.organization_id = ANY(SELECT organization_id FROM account_organizations WHERE account_id = c.id)
""",
    """
INSERT INTO visits (id, elder_id, organization_id, visitor_id, visitor_name, visited_at, result, findings)
SELECT gen_random_uuid(), d.elder_id, d.organization_id, c.id, c.name,
       now() - n * interval '7 days' - random() * interval '5 days',
       (ARRAY['met', 'met', 'telephone', 'not_met'])[(random() * 3)::int + 1], '一切正常（虚构）'
FROM visit_dues d CROSS JOIN generate_series(0, %(visits)s - 1) n JOIN accounts c ON c.username = 'station-1'
""",
    """
UPDATE visit_dues d SET since = v.day - 200, visited_on = v.day,
       due_on = v.day + CASE d.every WHEN 'week' THEN 7 ELSE 30 END
FROM (SELECT elder_id, (max(visited_at) AT TIME ZONE 'UTC' + interval '8 hours')::date AS day FROM visits
      WHERE result <> 'not_met' GROUP BY elder_id) v
WHERE v.elder_id = d.elder_id
""",
    """
INSERT INTO service_requests (id, organization_id, elder_id, service, requested_at, state, words)
SELECT gen_random_uuid(), p.organization_id, p.id,
       (ARRAY['家政预约', '物品代购', '咨询'])[p.n %% 3 + 1], now() - p.n * interval '9 minutes',
       CASE WHEN p.n < 2000 THEN 'open' ELSE 'done' END, '（虚构）'
FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM elders) p WHERE p.n <= %(requests)s
""",
    """
INSERT INTO access_log (at, account_id, elder_id, what)
SELECT now() - n * interval '5 minutes', c.id, p.id, 'location'
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM elders LIMIT 100000) p
JOIN accounts c ON c.username = 'station-1'
""",
    """
INSERT INTO device_states (device_key, online, online_at, last_seen_at, battery)
SELECT key, key %% 20 > 0, now(), now() - random() * interval '3 minutes', (random() * 100)::int FROM devices
ON CONFLICT (device_key) DO NOTHING
""",
    "ANALYZE",
)


def fill_work(url: str, elders: int) -> None:
    asyncio.run(_begin_plans(url))
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in _WORK:
            connection.execute(statement, {"alerts": elders // 2, "visits": 6, "requests": elders // 4})


async def _begin_plans(url: str) -> None:
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        await refresh_dues(connection)
        await store_built_in(connection)


class _Csv:
    def __init__(self, path: Path, *header: str) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file)
        self._rows.writerow(header)

    def __enter__(self) -> Any:
        return self._rows

    def __exit__(self, *_: object) -> None:
        self._file.close()


def every_list(url: str, username: str, password: str) -> dict[str, Any]:
    """Each GET of the API that needs no more than one id: how long, of ten; those first that take longest."""
    taken: dict[str, list[float]] = {}
    refused = []
    with httpx.Client(base_url=url, timeout=120) as client:
        token = client.post("/api/v1/token", data={"username": username, "password": password}).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        document = client.get("/openapi.json").json()
        ids = _some_ids(client)
        for path, methods in document["paths"].items():
            asked = [one["name"] for one in methods.get("get", {}).get("parameters", []) if one.get("required")]
            if "get" not in methods or not set(asked) <= ids.keys() or path in NO_LISTS:
                continue
            address = path.format(**ids)
            parameters = {name: ids[name] for name in asked if f"{{{name}}}" not in path}
            for _ in range(10):
                begun = time.perf_counter()
                answer = client.get(address, params=parameters)
                taken.setdefault(path, []).append((time.perf_counter() - begun) * 1000)
            if answer.status_code != 200:
                refused.append(f"{path} {answer.status_code}")
                del taken[path]
    slowest = sorted(((percentiles(times), path) for path, times in taken.items()), key=lambda one: -one[0]["p95"])
    return {
        "asked": len(taken),
        "within_200_ms": sum(one["p95"] <= 200 for one, _ in slowest),
        "slowest_ms": {path: one for one, path in slowest[:8]},
        "refused": refused,
    }


def _some_ids(client: httpx.Client) -> dict[str, str]:
    def first(path: str, name: str = "id") -> str:
        items = client.get(f"/api/v1/{path}", params={"limit": 1}).json().get("items")
        return str(items[0][name]) if items else "-"

    return {
        "organization_id": first("organizations"),
        "elder_id": first("elders"),
        "device_id": first("devices", "device_id"),
        "alert_id": first("alerts"),
        "rule_id": first("rules"),
        "subject": "elder",
        "patient": first("elders"),
    }


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
            [sys.executable, "-m", "services.cli", *words],
            cwd=folder,
            env=environment,
            check=False,
            capture_output=True,
        )
        assert done.returncode == 0, (done.stdout + done.stderr).decode()
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
                people = {
                    "administrator": ("admin", (folder / "password").read_text()),
                    "operator": ("station-1", "a-password-of-the-bench"),
                    "supervisor": ("district-1", "a-password-of-the-bench"),
                }
                lists = {role: measure(url, arguments.elders, *people[role]) for role in ("administrator", "operator")}
                fill_work(server.url("bench"), arguments.elders)
                worked = {role: every_list(url, *account) for role, account in people.items()}
            finally:
                api.terminate()
                api.wait(20)
            report(
                {
                    "bench": "setup",
                    **{name: getattr(arguments, name) for name in ("streets", "stations", "elders", "devices")},
                    "seconds": seconds,
                    "lists_ms": lists,
                    "every_list_after_a_year": worked,
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
