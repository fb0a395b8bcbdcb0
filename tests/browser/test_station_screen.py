"""The station screen in Chromium, against the real system."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from services.registry import links
from tests.browser.conftest import HAND, sign_in
from tests.parts.acceleration import WINDOWS
from tests.parts.system import ROOT, SECRET_KEY, Device, System
from tests.parts.waiting import until

OpenPage = Callable[..., Page]


class VirtualButton:
    """An emergency button of the simulators, pressed once; its receipts as they come."""

    def __init__(self, system: System, directory: Path, device_id: str) -> None:
        fleet = directory / "fleet.json"
        known = [one for one in system.seeded.devices if one["device_id"] == device_id]
        broker = {"host": system.broker.host, "port": system.broker.port}
        fleet.write_text(json.dumps({"mqtt": broker, "devices": known}))
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "simulators", "--fleet", str(fleet), "--press", device_id),
                *("--until", "resolved", "--json", "--timeout", "90"),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def stages(self) -> list[str]:
        """All it was told, once it was told resolved."""
        out, _ = self._process.communicate(timeout=90)
        assert self._process.returncode == 0, out
        return [json.loads(line)["stage"] for line in out.splitlines() if line.startswith("{")]


@pytest.fixture
def button(system: System) -> str:
    """An emergency button of an elder of the first station."""
    return system.station_devices("emergency_button")[-1]


@pytest.fixture(autouse=True)
def quiet_station(system: System) -> None:
    """Each test begins with nothing open at the station: what others left is resolved, by the contract's own moves."""
    operator = system.sign_in()
    for alert in operator.get("/alerts", state="open", limit=500)["items"]:
        if alert["state"] == "triggered":
            assert operator.move(alert, "acknowledge").status_code == 200
        assert operator.move(alert, "resolve", outcome="test").status_code == 200


def row(page: Page, alert_id: str) -> Any:
    return page.locator(f'[data-testid="alert-row"][data-alert-id="{alert_id}"]')


def test_a_press_on_a_virtual_button_is_dealt_with_by_keyboard_alone(
    system: System, open_page: OpenPage, tmp_path: Path, button: str
) -> None:
    page = open_page(system)
    sign_in(page, system)
    expect(page.get_by_test_id("empty")).to_contain_text("目前没有未处置的告警")
    expect(page.get_by_test_id("connection-state")).to_contain_text("实时")

    with VirtualButton(system, tmp_path, button) as virtual:
        expect(page.get_by_test_id("alert-row")).to_have_count(1)
        expect(page.get_by_test_id("alert-row")).to_contain_text("紧急救援")
        expect(page.get_by_test_id("announcer-urgent")).to_contain_text("紧急救援")
        expect(page).to_have_title(re.compile(r"1"))
        expect(page.get_by_test_id("elder-card")).to_contain_text("演示数据")
        expect(page.get_by_test_id("contact-phone").first).to_have_attribute("href", re.compile(r"^tel:"))
        expect(page.get_by_test_id("call-sentence")).to_contain_text("龙岗街道")
        operator = system.sign_in()
        until(lambda: operator.get("/alerts", state="open")["items"][0]["seen_at"], "the screen says that it was seen")

        expect(page.get_by_test_id("big-button")).to_contain_text("接警")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("big-button")).to_contain_text("派员")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("dispatch-responder")).to_be_focused()
        page.keyboard.type("李某")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("big-button")).to_contain_text("到场")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("big-button")).to_contain_text("处置完毕")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("resolve-dialog")).to_be_visible()
        page.keyboard.press("1")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("just-resolved-row").first).to_be_visible()
        expect(page.get_by_test_id("elder-withheld")).to_be_visible()
        expect(page.get_by_test_id("big-button")).to_contain_text("回访")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("follow-up-note")).to_be_focused()
        page.keyboard.type("精神好，无需再访")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("timeline")).to_contain_text("精神好，无需再访")

        told = virtual.stages()
        assert told[-4:] == ["acknowledged", "dispatched", "arrived", "resolved"]
        assert {"stored", "seen"} <= set(told), "the elder was told that somebody's screen showed it"


def test_times_are_beijings_whatever_the_browsers_zone(system: System, open_page: OpenPage, wristband: Device) -> None:
    page = open_page(system, timezone_id="America/New_York")
    sign_in(page, system)
    occurred = datetime.now(UTC) - timedelta(minutes=12)
    wristband.press(ts=occurred.isoformat())
    expect(page.get_by_test_id("alert-row")).to_contain_text(
        f"{occurred.astimezone(ZoneInfo('Asia/Shanghai')):%H:%M:%S}"
    )
    expect(page.get_by_test_id("late").first).to_contain_text("12 分钟")
    shown = page.get_by_test_id("clock").inner_text()
    assert f"{datetime.now(ZoneInfo('Asia/Shanghai')):%H:}" in shown


def test_worst_and_oldest_first_and_never_by_colour_alone(
    system: System, open_page: OpenPage, wristbands: Callable[[], Device]
) -> None:
    page = open_page(system)
    sign_in(page, system)
    operator = system.sign_in()
    order = []
    for kind in ("water_leak", "fall", "sos", "smoke"):
        sent = wristbands().press(kind)
        order.append(operator.alert_of(sent["event_id"])["id"])
    leak, fall, sos, smoke = order
    expect(page.get_by_test_id("alert-row")).to_have_count(4)
    rows = page.get_by_test_id("alert-row")
    shown = [rows.nth(place).get_attribute("data-alert-id") for place in range(4)]
    assert shown == [sos, smoke, fall, leak]
    for alert_id, word in ((sos, "一级"), (smoke, "一级"), (fall, "二级"), (leak, "三级")):
        expect(row(page, alert_id)).to_contain_text(word)
        expect(row(page, alert_id).locator("svg").first).to_be_visible()


def test_two_operators_are_both_told_the_truth(system: System, open_page: OpenPage, wristband: Device) -> None:
    first, second = open_page(system), open_page(system)
    sign_in(first, system, "beichan-1")
    sign_in(second, system, "beichan-2")
    wristband.press()
    expect(second.get_by_test_id("big-button")).to_contain_text("接警")
    first.get_by_test_id("big-button").click()
    expect(second.get_by_test_id("holder").first).to_contain_text("陈静")
    expect(first.get_by_test_id("holder").first).to_contain_text("陈静")


def test_a_second_press_after_the_answer_asks_again(system: System, open_page: OpenPage, wristband: Device) -> None:
    page = open_page(system)
    sign_in(page, system)
    wristband.press()
    page.get_by_test_id("big-button").click()
    expect(page.get_by_test_id("big-button")).to_contain_text("派员")
    wristband.press()
    expect(page.get_by_test_id("big-button")).to_contain_text("再次接警")
    expect(page.get_by_test_id("occurrences").first).to_contain_text("第 2 次呼叫")
    # A button that changed under the finger waits a moment before it can be pressed.
    expect(page.get_by_test_id("big-button")).to_have_attribute("aria-disabled", "false")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("big-button")).to_contain_text("派员")


def test_in_a_hand_the_list_and_the_big_button_fit(system: System, open_page: OpenPage, wristband: Device) -> None:
    page = open_page(system, viewport=HAND, has_touch=True, is_mobile=True)
    sign_in(page, system)
    wristband.press()
    page.get_by_test_id("alert-row").first.tap()
    button = page.get_by_test_id("big-button")
    expect(button).to_be_in_viewport(ratio=1)
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 64
    assert page.evaluate("document.documentElement.scrollWidth") <= HAND["width"]


def test_without_sound_the_screen_says_so(system: System, open_page: OpenPage) -> None:
    page = open_page(system)
    sign_in(page, system)
    expect(page.get_by_test_id("sound-state")).to_contain_text("声音已开")
    page.reload()  # no gesture yet on the new page: Chromium holds the sound back
    expect(page.get_by_test_id("banner-sound")).to_be_visible()
    page.get_by_test_id("sound-enable").click()
    expect(page.get_by_test_id("banner-sound")).to_have_count(0)
    expect(page.get_by_test_id("sound-state")).to_contain_text("声音已开")


def test_a_wrong_password_is_said_in_chinese(system: System, open_page: OpenPage) -> None:
    page = open_page(system)
    page.keyboard.type("nobody-here")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("sign-in-error")).to_contain_text("用户名或密码不对")


def test_a_lost_connection_cannot_be_missed_and_nothing_of_it_is_missed(
    system: System, open_page: OpenPage, wristband: Device
) -> None:
    page = open_page(system)
    sign_in(page, system)
    expect(page.get_by_test_id("connection-state")).to_contain_text("实时")
    system.kill("api")
    expect(page.get_by_test_id("banner-connection")).to_contain_text("连接中断")
    seconds = page.get_by_test_id("lost-seconds").inner_text()
    expect(page.get_by_test_id("lost-seconds")).not_to_have_text(seconds)
    pressed = wristband.press()
    system.start("api")
    expect(page.get_by_test_id("banner-connection")).to_have_count(0)
    expect(page.get_by_test_id("alert-row")).to_have_count(1)
    expect(page.get_by_test_id("banner-returned")).to_be_visible()
    wristband.receipt(pressed["event_id"], "seen")


def test_the_screen_says_when_the_system_itself_is_silent(system: System, open_page: OpenPage) -> None:
    page = open_page(system)
    sign_in(page, system)
    system.kill("gateway")
    expect(page.get_by_test_id("banner-problem")).to_contain_text("设备消息网关没有响应", timeout=30_000)
    system.start("gateway")
    expect(page.get_by_test_id("banner-problem")).to_have_count(0, timeout=30_000)


def test_what_a_fall_felt_like_is_said_beside_it(system: System, open_page: OpenPage, wristband: Device) -> None:
    page = open_page(system)
    sign_in(page, system)
    wristband.press("fall", detail={"acceleration": WINDOWS["hard_fall"]})
    said = page.get_by_test_id("second-opinion")
    expect(said).to_contain_text(re.compile(r"加速度分析：很像跌倒（撞击 \d\.\d g，随后静止 \d 秒.*；不能据此取消"))
    expect(page.get_by_test_id("timeline")).to_contain_text("加速度分析")
    expect(page.get_by_test_id("big-button")).to_contain_text("接警")


def test_what_is_held_back_is_told_with_its_reason_and_its_end(
    system: System, open_page: OpenPage, wristband: Device
) -> None:
    operator = system.sign_in()
    ends_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    over = {"device_ids": [wristband.device_id], "reason": "更换手环（虚构）", "ends_at": ends_at}
    cover = operator.http.post("/covers", json={"kind": "maintenance"} | over).json()
    wristband.press("tamper")
    until(lambda: operator.get("/held")["now"]["alerts"] == 1, "it is held back", every=0.05)
    page = open_page(system)
    sign_in(page, system)
    words = page.get_by_test_id("held-words")
    expect(words).to_have_text(re.compile(r"^已静默 1 条，到 .*\d\d:\d\d:\d\d$"))
    words.click()
    line = page.get_by_test_id("held-cover")
    expect(line).to_contain_text("维护")
    expect(line).to_contain_text("更换手环（虚构）（陈静）")
    assert operator.http.post(f"/covers/{cover['id']}/end").status_code == 200
    page.reload()
    expect(page.get_by_test_id("just-resolved").or_(page.get_by_test_id("empty"))).to_be_visible()
    expect(page.get_by_test_id("held")).to_have_count(0)


def test_somebody_near_is_asked_by_a_button_and_goes_by_one_tap(
    system: System, open_page: OpenPage, wristband: Device
) -> None:
    """The station's screen on a wall, and a neighbour's telephone without an account."""
    sent = wristband.press(location={"lat": 29.7081, "lon": 105.7136, "accuracy": 15})
    page = open_page(system)
    sign_in(page, system)
    page.get_by_test_id("big-button").click()
    expect(page.get_by_test_id("asked-sentence")).to_have_text("还没有请附近的人")
    page.get_by_test_id("ask-nearby").click()
    expect(page.get_by_test_id("asked-responder")).to_have_count(3)
    expect(page.get_by_test_id("timeline-entry").filter(has_text="就近求助")).to_have_count(1)

    operator = system.sign_in()
    alert = operator.alert_of(sent["event_id"])
    elder = operator.get(f"/elders/{alert['elder']['id']}")
    [(notice, name)] = system.sql(
        "SELECT n.id, c.name FROM notices n JOIN accounts c ON c.id = n.account_id WHERE n.alert_id = %s"
        " AND n.why = 'responder' ORDER BY n.id LIMIT 1",
        alert["id"],
    )
    phone = open_page(
        system, path=f"/r/{links.sign(SECRET_KEY, notice)}", viewport=HAND, has_touch=True, is_mobile=True
    )
    task = phone.get_by_test_id("task")
    expect(task).to_have_attribute("data-state", "asked")
    expect(phone.get_by_test_id("task-where")).to_contain_text("离您约")
    for private in (elder["name"], elder["address"], elder["phone"]):
        expect(task).not_to_contain_text(private)
    assert phone.evaluate("document.documentElement.scrollWidth") <= HAND["width"]
    answer = phone.get_by_test_id("task-answer")
    assert min(box["height"] for one in answer.all() if (box := one.bounding_box())) >= 56
    phone.locator('[data-answer="accept"]').tap()
    expect(task).to_have_attribute("data-state", "accepted")
    expect(phone.get_by_test_id("task-address")).to_have_text(elder["address"])
    expect(phone.get_by_test_id("task-elder")).to_contain_text(elder["name"])
    expect(phone.get_by_test_id("task-geo")).to_have_attribute("href", re.compile(r"^geo:29\.7081"))
    expect(phone.get_by_test_id("task-amap")).to_have_attribute("href", re.compile(r"^https://uri\.amap\.com/"))
    expect(page.get_by_test_id("asked-sentence")).to_contain_text(f"{name}（")
    expect(page.get_by_test_id("alert-detail")).to_have_attribute("data-state", "dispatched")

    phone.context.set_offline(True)  # a stairwell: it is sent until it is heard
    phone.locator('[data-answer="arrive"]').tap()
    expect(phone.locator('[data-answer="arrive"]')).to_contain_text("正在发送")
    phone.context.set_offline(False)
    expect(page.get_by_test_id("alert-detail")).to_have_attribute("data-state", "arrived")
    phone.get_by_test_id("task-note").fill("一个人抬不动（虚构）")
    phone.locator('[data-answer="help"]').tap()
    expect(page.get_by_test_id("big-button")).to_contain_text("再次接警")
    expect(page.get_by_test_id("timeline-entry").filter(has_text="现场需要支援")).to_have_count(1)
    page.get_by_test_id("big-button").click()
    expect(page.get_by_test_id("big-button")).to_contain_text("处置完毕")

    with page.expect_popup() as opened:
        page.get_by_test_id("handover").click()
    sheet = opened.value
    sheet.emulate_media(media="print")
    expect(sheet.get_by_test_id("sheet-address")).to_have_text(elder["address"])
    expect(sheet.get_by_test_id("sheet-health")).to_contain_text("演示数据")
    expect(sheet.get_by_test_id("sheet")).to_contain_text(name)
    printed = sheet.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page[^s]", printed)) == 1, "one page of A4"
    colours = "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    assert sheet.evaluate(colours) == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]

    page.get_by_test_id("handover-revoke").click()
    expect(page.get_by_test_id("handover-revoke")).to_have_count(0)
    sheet.reload()
    expect(sheet.get_by_test_id("sheet-none")).to_contain_text("已过期或已撤回")

    assert operator.move(alert, "resolve", outcome="hospital").status_code == 200
    expect(phone.get_by_test_id("task-over")).to_contain_text("已经结束")


def test_the_link_in_a_message_opens_its_alert_and_who_is_near_is_offered(
    system: System, open_page: OpenPage, wristbands: Callable[[], Device]
) -> None:
    """Through the sign-in, beside another alert that has waited for longer; in a hand as well."""
    operator, admin = system.sign_in(), system.sign_in("admin")
    other = operator.alert_of(wristbands().press()["event_id"])
    alert = operator.alert_of(wristbands().press(location={"lat": 29.7081, "lon": 105.7136})["event_id"])
    notice = uuid4()
    system.sql(
        "INSERT INTO notices (id, alert_id, account_id, key, why, severity, asked_at)"
        " VALUES (%s, %s, %s, 'a link', 'duty', 'red', now())",
        *(notice, alert["id"], operator.get("/me")["id"]),
    )
    link = f"/n/{links.sign(SECRET_KEY, notice)}"
    # Family say that all is well, and two people got no message: in the row, beside its state.
    system.sql("UPDATE alerts SET family_safe = true, unreached = 2 WHERE id = %s", alert["id"])
    # Somebody is on shift now, and nobody in two hours.
    station = f"/organizations/{system.seeded.organization_id}"
    now = datetime.now(ZoneInfo("Asia/Shanghai"))
    shift = {
        "name": "试验（虚构）",
        "begins": f"{now - timedelta(hours=1):%H:%M}",
        "ends": f"{now + timedelta(hours=2):%H:%M}",
        "people": [operator.get("/me")["id"]],
        "first_day": f"{now - timedelta(days=1):%Y-%m-%d}",
    }
    made = admin.http.post(f"{station}/duty/shifts", json=shift)
    assert made.status_code == 201, made.text
    phone = open_page(system, path=link, viewport=HAND)
    sign_in(phone, system)
    expect(phone.get_by_test_id("alert-detail")).to_have_attribute("data-alert-id", alert["id"])

    page = open_page(system, path=link)
    sign_in(page, system)
    detail = page.get_by_test_id("alert-detail")
    expect(detail).to_have_attribute("data-alert-id", alert["id"])
    assert page.url == f"{system.url}/", "a reload is the station's screen"
    expect(row(page, alert["id"]).get_by_test_id("flag-unreached")).to_have_text("未通知到 2 人")
    expect(row(page, alert["id"]).get_by_test_id("flag-family-safe")).to_have_text("家属称安全")
    expect(page.get_by_test_id("duty-line")).to_contain_text(f"{shift['ends']} 起无人当班")

    page.get_by_test_id("big-button").click()
    expect(page.get_by_test_id("big-button")).to_contain_text("派员")
    page.get_by_test_id("big-button").click()
    near = page.get_by_test_id("dispatch-near")
    expect(near.first).to_contain_text("约")
    name = near.first.locator("strong").inner_text()
    near.first.click()
    expect(page.get_by_test_id("dispatch-responder")).to_have_value(name)
    page.get_by_test_id("dialog-submit").click()
    expect(detail).to_have_attribute("data-state", "dispatched")

    page.goto(f"{system.url}/#/alerts/{uuid4()}")
    expect(page.get_by_test_id("alert-unread")).to_contain_text("打不开")
    for one in (alert, other):
        operator.move(one, "acknowledge")
        operator.move(one, "resolve", outcome="test")
    for one in admin.get(f"{station}/duty")["shifts"]:
        admin.http.post(f"{station}/duty/shifts/{one['id']}/end")


def test_a_service_request_waits_quietly_under_the_alerts(
    system: System, open_page: OpenPage, wristband: Device
) -> None:
    wristband.press("service_request", detail={"service": "物品代购"})
    operator = system.sign_in()
    until(lambda: operator.get("/service-requests")["items"], "the request is there", every=0.05)
    page = open_page(system)
    sign_in(page, system)
    line = page.get_by_test_id("service-line")
    expect(line).to_have_text("服务请求 1 件，1 件待受理")
    expect(page.get_by_test_id("empty")).to_be_visible()
    expect(page.get_by_test_id("announcer-urgent")).to_have_text("")
    line.click()
    request = page.get_by_test_id("service-request")
    expect(request).to_contain_text("物品代购")
    request.locator('[data-step="accept"]').click()
    expect(request).to_contain_text("已受理，陈静 负责")
    request.locator('[data-step="assign"]').click()
    page.get_by_test_id("service-who").fill("某超市（虚构）")
    page.keyboard.press("Enter")
    expect(request).to_contain_text("已派单 某超市（虚构）")
    request.locator('[data-step="done"]').click()
    expect(page.get_by_test_id("service-requests")).to_have_count(0)
