"""The pages for rules, covers and what is held back, in Chromium, against the real system."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import HAND, sign_in
from tests.parts.system import Device, System
from tests.parts.waiting import until

OpenPage = Callable[..., Page]
FAST = "a17b0000-0000-4000-8000-000000000001"


def to(page: Page, section: str) -> None:
    """By the menu of the top bar."""
    page.get_by_test_id("manage").click()
    page.get_by_test_id(f"manage-{section}").click()


def open_rule(page: Page, sought: str, rule_id: str) -> None:
    page.get_by_test_id("rules-search").fill(sought)
    page.locator(f'[data-testid="rule-row"][data-rule-id="{rule_id}"]').click()
    expect(page.get_by_test_id("rule-title")).to_be_visible()


def test_an_administrator_changes_a_limit(system: System, open_page: OpenPage) -> None:
    page = open_page(system)
    sign_in(page, system, "admin")
    to(page, "rules")
    open_rule(page, "心率", FAST)
    expect(page.get_by_test_id("rule-version")).to_have_text("第 1 版")
    page.get_by_test_id("rule-change").click()

    page.get_by_test_id("rule-condition.clear").fill("125")
    flaw = page.locator('[data-testid="rule-flaw"][data-where="condition.clear"]')
    expect(flaw).to_have_text("恢复值 125 应小于限值 120，否则会反复告警")
    expect(page.get_by_test_id("rule-save")).to_have_attribute("aria-disabled", "true")
    page.get_by_test_id("rule-condition.value").fill("１１８")
    page.get_by_test_id("rule-condition.clear").fill("108")
    expect(flaw).to_have_count(0)
    expect(page.get_by_test_id("rule-preview")).to_contain_text("心率（15 分钟中位数） > 118 次/分，持续 5 分钟")
    page.get_by_test_id("rule-reason").fill("本市医生会商（虚构）")

    # Somebody else is faster: nothing of what was typed is lost.
    other = system.sign_in("admin")
    newest = other.get(f"/rules/{FAST}")
    faster = {"rule": newest["definition"] | {"lasting_seconds": 240}, "version": 1, "reason": "缩短（虚构）"}
    assert other.http.put(f"/rules/{FAST}", json=faster).status_code == 200
    page.get_by_test_id("rule-save").click()
    expect(page.get_by_test_id("rule-meanwhile")).to_contain_text("5 分钟 → 4 分钟")
    page.get_by_test_id("rule-save").click()

    expect(page.get_by_test_id("rule-version")).to_have_text("第 3 版")
    version = page.locator('[data-testid="rule-version-row"][data-version="3"]')
    expect(version).to_contain_text("系统管理员")
    expect(version).to_contain_text("本市医生会商（虚构）")
    expect(version).to_contain_text("120 次/分 → 118 次/分")
    kept = other.get(f"/rules/{FAST}")["definition"]
    assert kept["condition"] | {"lasting": kept["lasting_seconds"]} == {
        "kind": "limit",
        "field": "heart_rate",
        "direction": "above",
        "value": 118,
        "clear": 108,
        "over_seconds": 900,
        "lasting": 240,
    }


def test_a_new_rule_is_a_copy_that_is_tried_first(system: System, open_page: OpenPage) -> None:
    page = open_page(system)
    sign_in(page, system, "admin")
    to(page, "rules")
    page.get_by_test_id("rule-new").click()
    page.get_by_test_id("rule-from").select_option(FAST)
    page.get_by_test_id("rule-from-go").click()
    page.get_by_test_id("rule-title-input").fill("心率过高（北禅）")
    page.get_by_test_id("rule-whom-organization").check()
    expect(page.get_by_test_id("rule-obstacle")).to_have_text("请选择机构")
    page.get_by_test_id("live-strip-go").click()  # away, and back: what was typed is still there
    expect(page.get_by_test_id("rule-form")).to_have_count(0)
    page.go_back()
    expect(page.get_by_test_id("rule-title-input")).to_have_value("心率过高（北禅）")
    page.get_by_test_id("rule-organization").select_option(system.seeded.organization_id)
    page.get_by_test_id("rule-reason").fill("先在一个站试（虚构）")
    page.get_by_test_id("rule-save").click()
    expect(page.get_by_test_id("rule-title")).to_have_text("心率过高（北禅）")
    expect(page.get_by_test_id("rule-mode")).to_contain_text("试行")
    made = page.url.rsplit("/", 1)[-1]
    stored = system.sign_in("admin").get(f"/rules/{made}")
    assert (stored["organization"]["id"], stored["mode"]) == (system.seeded.organization_id, "shadow")


def test_a_cover_is_made_and_ended(system: System, open_page: OpenPage, wristband: Device) -> None:
    page = open_page(system)
    sign_in(page, system, "admin")
    to(page, "covers")
    expect(page.get_by_test_id("covers-none")).to_be_visible()
    page.get_by_test_id("cover-new").click()
    expect(page.get_by_test_id("cover-never")).to_contain_text("呼救、跌倒和红色告警不受影响")
    page.get_by_test_id("cover-kind-maintenance").check()
    page.get_by_test_id("device-search").fill(wristband.device_id.upper())
    page.get_by_test_id("device-option").first.click()
    page.get_by_test_id("cover-hours-8").check()
    page.get_by_test_id("cover-reason").fill("更换手环（虚构）")
    page.get_by_test_id("cover-save").click()
    row = page.get_by_test_id("cover-row")
    expect(row).to_contain_text(wristband.device_id)
    expect(row).to_contain_text("更换手环（虚构）")
    expect(row).to_contain_text("系统管理员")

    page.get_by_test_id("section-held").click()
    expect(page.get_by_test_id("held-none")).to_be_visible()
    wristband.press("tamper")
    administrator = system.sign_in("admin")
    until(lambda: administrator.get("/held")["now"]["alerts"] == 1, "it is held back", every=0.05)
    page.reload()  # the page stays where it was
    held = page.get_by_test_id("held-row")
    expect(held).to_contain_text("维护：更换手环（虚构）（系统管理员）")

    page.go_back()
    expect(row).to_contain_text("已拦下 1 条")
    confirm = row.get_by_test_id("cover-end-confirm")

    def asked() -> bool:
        # The page moves while it comes alive after a reload: whoever's finger misses presses again.
        if not confirm.is_visible() and row.get_by_test_id("cover-end").is_visible():
            row.get_by_test_id("cover-end").click()
        return confirm.is_visible()

    until(asked, "it is asked whether to end it", limit=30, every=0.5)
    confirm.click()
    expect(page.get_by_test_id("covers-none")).to_be_visible()
    [cover] = administrator.get("/covers", state="over")["items"]
    assert (cover["ended_by"]["name"], cover["alerts"]) == ("系统管理员", 1)


def test_an_operator_reads_and_is_called_back_by_a_red_alert(
    system: System, open_page: OpenPage, wristband: Device
) -> None:
    page = open_page(system, viewport=HAND, has_touch=True, is_mobile=True)
    sign_in(page, system)
    to(page, "rules")
    expect(page.get_by_test_id("rule-new")).to_have_count(0)
    open_rule(page, "血氧", "a17b0000-0000-4000-8000-000000000005")
    expect(page.get_by_test_id("rule-change")).to_have_count(0)
    expect(page.get_by_test_id("rule-copy")).to_have_count(0)
    there = page.url
    assert page.evaluate("document.documentElement.scrollWidth") <= HAND["width"]

    sent = wristband.press()
    strip = page.get_by_test_id("live-strip")
    expect(strip).to_have_attribute("data-severity", "red")
    expect(strip).to_contain_text("紧急救援")
    expect(page.get_by_test_id("announcer-urgent")).to_contain_text("紧急救援")
    expect(page).to_have_title(re.compile(r"1"))
    wristband.receipt(sent["event_id"], "seen")
    page.keyboard.press("Enter")  # answers no alert that stands behind a page
    assert system.sign_in().alert_of(sent["event_id"])["state"] == "triggered"

    page.get_by_test_id("live-strip-go").click()
    expect(page.get_by_test_id("big-button")).to_contain_text("接警")
    page.get_by_test_id("big-button").click()
    expect(page.get_by_test_id("big-button")).to_contain_text("派员")
    page.go_back()
    page.go_back()
    expect(page.get_by_test_id("rule-title")).to_be_visible()
    assert page.url == there
    expect(strip).to_have_attribute("data-severity", "red")


def test_a_station_keeps_its_register_of_responders(system: System, open_page: OpenPage) -> None:
    page = open_page(system)
    sign_in(page, system)
    to(page, "responders")
    expect(page.get_by_test_id("responder-row")).to_have_count(5)  # the demo's, of the station and the point below it
    page.get_by_test_id("responder-new").click()
    expect(page.get_by_test_id("responder-form")).to_contain_text("请填写姓名")
    page.get_by_test_id("responder-name").fill("罗某（虚构）")
    page.get_by_test_id("responder-phone").fill("023-0002-0099")
    page.get_by_test_id("responder-kind").select_option("village_doctor")
    page.get_by_test_id("responder-organization").select_option(system.seeded.organization_id)
    page.get_by_test_id("responder-skills").fill("急救、会开车")
    page.get_by_test_id("responder-position").fill("105.7135, 29.7080")
    page.get_by_test_id("responder-save").click()
    page.get_by_test_id("responders-search").fill("罗某")
    row = page.get_by_test_id("responder-row")
    expect(row).to_contain_text("急救")
    row.get_by_test_id("responder-change").click()
    page.get_by_test_id("responder-skills").fill("急救")
    page.get_by_test_id("responder-save").click()
    expect(row).not_to_contain_text("会开车")
    [kept] = system.sign_in().get("/responders", search="罗某")["items"]
    assert (kept["version"], kept["skills"], round(kept["position"]["lat"], 3)) == (2, ["急救"], 29.711)
    row.get_by_test_id("responder-end").click()
    row.get_by_test_id("responder-end-confirm").click()
    expect(row).to_have_count(0)


def test_an_administrator_draws_a_fence_and_a_reload_stays_with_the_elder(system: System, open_page: OpenPage) -> None:
    page = open_page(system)
    sign_in(page, system, "admin")
    to(page, "fences")
    page.get_by_test_id("elder-search").fill("陈")
    page.get_by_test_id("elder-option").first.click()
    expect(page.get_by_test_id("fences-none")).to_be_visible()
    page.get_by_test_id("fence-new").click()
    page.get_by_test_id("fence-name").fill("家附近")
    page.get_by_test_id("fence-lat").fill("29.707")
    page.get_by_test_id("fence-lon").fill("105.722")
    page.get_by_test_id("fence-radius").fill("10")
    page.get_by_test_id("fence-reason").fill("家属要求（虚构）")
    page.get_by_test_id("fence-save").click()
    expect(page.get_by_test_id("fence-refused")).to_contain_text("50")
    page.get_by_test_id("fence-radius").fill("300")
    # One click in the picture moves the middle: by a quarter of it to the east.
    box = page.get_by_test_id("fence-map").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2)
    expect(page.get_by_test_id("fence-lon")).to_have_value(re.compile(r"^105\.72[34]"))
    page.get_by_test_id("fence-save").click()
    expect(page.get_by_test_id("fence")).to_contain_text("圆形，半径 300 米；全天")
    page.reload()
    expect(page.get_by_test_id("fence")).to_contain_text("家附近")
    page.get_by_test_id("fence-open").click()
    expect(page.get_by_test_id("fences-page")).to_contain_text("第 1 版：系统管理员")
    expect(page.get_by_test_id("fence-map")).to_be_visible()
