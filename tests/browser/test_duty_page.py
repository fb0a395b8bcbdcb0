"""The page 值班 in Chromium, against the real system: a roster, its gaps, a rehearsal; and a screen that is asked
whether somebody is there."""

import json
import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import HAND, sign_in
from tests.parts.system import System
from tests.parts.waiting import until

OpenPage = Callable[..., Page]


def test_an_administrator_makes_a_roster_sees_its_gaps_and_rehearses(system: System, open_page: OpenPage) -> None:
    page = open_page(system)
    sign_in(page, system, "admin")
    page.get_by_test_id("manage").click()
    page.get_by_test_id("manage-duty").click()
    page.get_by_test_id("duty-organization").select_option(system.organization("district"))
    expect(page.get_by_test_id("duty-none")).to_be_visible()

    page.get_by_test_id("shift-new").click()
    page.get_by_test_id("shift-name").fill("白班")
    page.get_by_test_id("shift-person").filter(has_text="吴海燕").click()
    page.get_by_test_id("shift-save").click()
    expect(page.get_by_test_id("shift-row")).to_contain_text("08:00–20:00 · 每天")
    expect(page.get_by_test_id("duty-gap").nth(1)).to_contain_text("20:00 至")
    page.get_by_test_id("duty-gaps-all").click()
    assert page.get_by_test_id("duty-gap").count() >= 30, "nobody is there at night, and it is said before it happens"

    with page.expect_download() as saved:
        page.get_by_test_id("calendar-save").click()
    assert saved.value.path().read_bytes().startswith(b"BEGIN:VCALENDAR")
    event = "BEGIN:VEVENT\nUID:n\nSUMMARY:夜班 无此人\nDTSTART:20270101T000000Z\nEND:VEVENT"
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//elsewhere//\n{event}\nEND:VCALENDAR\n".encode()
    page.get_by_test_id("calendar-file").set_input_files(
        [{"name": "n.ics", "mimeType": "text/calendar", "buffer": text}]
    )
    expect(page.get_by_test_id("calendar-taken")).to_contain_text("“夜班 无此人”：标题或参加人里没有")

    page.get_by_test_id("rehearsal-at").fill("2026-02-17T12:00")
    page.get_by_test_id("rehearsal-go").click()
    result = page.get_by_test_id("rehearsal-result")
    expect(result).to_contain_text("春节")
    expect(result).to_contain_text("无人当班")
    expect(page.get_by_test_id("rehearsal-call").last).to_contain_text("重庆市养老服务应急救援中心的屏幕也显示")
    page.get_by_test_id("rehearsal-at").fill("2027-02-06T12:00")
    page.get_by_test_id("rehearsal-go").click()
    expect(result).to_contain_text("放假安排尚未公布")
    expect(page.get_by_test_id("rehearsal-call").first).to_contain_text("吴海燕")

    page.set_viewport_size(HAND)  # type: ignore[arg-type]
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= HAND["width"], "nothing to push aside on a phone"
    for shift in system.sign_in("admin").get(f"/organizations/{system.organization('district')}/duty")["shifts"]:
        system.sql("UPDATE duty_shifts SET ended_at = now() WHERE id = %s", shift["id"])


def test_an_administrator_changes_the_policy_by_its_sentences(system: System, open_page: OpenPage) -> None:
    page = open_page(system)
    sign_in(page, system, "admin")
    district = system.organization("district")
    page.goto(f"{system.url}/#/duty/{district}")
    said = page.get_by_test_id("policy-said").first
    expect(said).to_contain_text(
        "60 秒未接警：报上级（重庆市养老服务应急救援中心），此后每 60 秒再上一级，直到最高一级"
    )
    page.get_by_test_id("policy-edit").click()
    red = page.get_by_test_id("policy-plan").first
    unanswered = red.locator("[data-testid=policy-stage][data-at='plans.0.unanswered']")
    expect(unanswered).to_contain_text("一产生告警：通知家属、当班人员")
    unanswered.get_by_test_id("policy-own").click()
    steps = unanswered.get_by_test_id("policy-step")
    expect(steps).to_have_count(2)
    # What is wrong stands at its step while it is typed, in plain Chinese, and nothing is saved.
    steps.nth(1).locator("[id='plans.0.unanswered.1-after']").fill("90")
    expect(unanswered.get_by_test_id("policy-flaw")).to_contain_text("60 秒无人接警必须上报上一级")
    steps.first.get_by_test_id("policy-who-caregivers").click()
    steps.first.get_by_test_id("policy-who-duty").click()
    expect(steps.first.get_by_test_id("policy-flaw")).to_contain_text("这一步没有对象")
    expect(page.get_by_test_id("policy-obstacle")).to_contain_text("请先改正")
    steps.first.get_by_test_id("policy-who-named").click()
    steps.first.get_by_test_id("policy-person").first.click()
    steps.nth(1).locator("[id='plans.0.unanswered.1-after']").fill("30")
    expect(steps.nth(1).get_by_test_id("policy-sentence")).to_contain_text("30 秒未接警：报上级")
    expect(page.get_by_test_id("policy-flaw")).to_have_count(0)
    page.get_by_test_id("policy-name").fill("更快（虚构）")
    # An alarm calls away, and back: what was typed is there.
    page.get_by_test_id("section-elders").click()
    page.goto(f"{system.url}/#/duty/{district}/policy")
    expect(page.get_by_test_id("policy-name")).to_have_value("更快（虚构）")
    page.get_by_test_id("policy-reason").fill("试验（虚构）")
    page.set_viewport_size(HAND)  # type: ignore[arg-type]
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= HAND["width"], "nothing to push aside on a phone"
    page.get_by_test_id("policy-save").click()
    expect(page.get_by_test_id("policy-said").first).to_contain_text("30 秒未接警：报上级")
    expect(page.get_by_test_id("policy")).to_contain_text("更快（虚构）")
    admin = system.sign_in("admin")
    kept = admin.get(f"/organizations/{district}/escalation")
    step = kept["definition"]["plans"][0]["unanswered"][1]
    assert step == {"after_seconds": 30, "who": ["tier_above"], "every_seconds": 60}
    ended = {"policy": None, "version": kept["own_version"], "reason": "试验完毕（虚构）"}
    assert admin.http.put(f"/organizations/{district}/escalation", json=ended).status_code == 200


def test_a_screen_says_that_it_is_watched_and_asks_who_is_there(system: System, open_page: OpenPage) -> None:
    said: list[dict[str, Any]] = []
    routes: list[WebSocketRoute] = []

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        routes.append(socket)

        def hear(text: str | bytes) -> None:
            said.append(json.loads(text))
            server.send(text)

        socket.on_message(hear)

    page = open_page(system)
    page.route_web_socket(re.compile("/live$"), between)
    sign_in(page, system)
    until(lambda: page.wait_for_timeout(50) or {"type": "watching", "visible": True} in said, "it says so")
    routes[-1].send(json.dumps({"type": "presence_check", "answer_within_seconds": 90}))
    banner = page.get_by_test_id("banner-presence")
    expect(banner).to_contain_text("在岗确认")
    page.get_by_test_id("presence-confirm").click()
    expect(banner).to_have_count(0)
    until(lambda: page.wait_for_timeout(50) or {"type": "present"} in said, "and that somebody is there")
