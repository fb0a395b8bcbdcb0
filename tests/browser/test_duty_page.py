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

    page.get_by_test_id("policy-edit").click()
    page.get_by_test_id("policy-text").fill(json.dumps({"name": "慢", "plans": 7}))
    page.get_by_test_id("policy-reason").fill("试验（虚构）")
    page.get_by_test_id("policy-save").click()
    expect(page.get_by_test_id("policy-refused")).to_contain_text("plans 应为列表")
    page.set_viewport_size(HAND)  # type: ignore[arg-type]
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= HAND["width"], "nothing to push aside on a phone"
    for shift in system.sign_in("admin").get(f"/organizations/{system.organization('district')}/duty")["shifts"]:
        system.sql("UPDATE duty_shifts SET ended_at = now() WHERE id = %s", shift["id"])


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
