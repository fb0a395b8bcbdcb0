"""The pages for drills and for response reports, in Chromium, against the real system."""

import io
import re
from collections.abc import Callable

from openpyxl import load_workbook
from playwright.sync_api import Page, expect

from tests.browser.conftest import HAND, sign_in
from tests.browser.test_manage_pages import to
from tests.parts.system import Device, System

OpenPage = Callable[..., Page]
LOADED = "performance.getEntriesByType('resource').some((each) => each.name.includes('ReportCharts'))"


def test_a_drill_is_made_pressed_confirmed_and_reported(system: System, open_page: OpenPage, wristband: Device) -> None:
    page = open_page(system)
    sign_in(page, system)
    to(page, "drills")
    page.get_by_test_id("drill-new").click()
    page.get_by_test_id("drill-name").fill("冬季呼叫演练（虚构）")
    page.get_by_test_id("drill-target-devices").check()
    page.get_by_test_id("device-search").fill(wristband.device_id)
    page.get_by_test_id("device-option").first.click()
    page.get_by_test_id("drill-save").click()
    expect(page.get_by_test_id("drill-press")).to_contain_text("等待按下")

    pressed = wristband.press()
    strip = page.get_by_test_id("live-strip")
    expect(strip).to_contain_text("演练")
    expect(page.get_by_test_id("drill-press")).to_contain_text("没有人接警")
    page.get_by_test_id("live-strip-go").click()
    row = page.get_by_test_id("alert-row").first
    expect(row).to_contain_text("本人呼救 · 演练")
    operator = system.sign_in()
    alert = operator.alert_of(pressed["event_id"])
    assert alert["drill"] is True
    assert operator.move(alert, "acknowledge").status_code == 200
    assert operator.move(alert, "resolve", outcome="drill").status_code == 200
    expect(page.get_by_test_id("just-resolved")).to_contain_text("演练")
    page.go_back()
    expect(page.get_by_test_id("drill-page")).to_contain_text("全部按下并处置完毕")
    expect(page.get_by_test_id("drill-press")).to_contain_text("秒接警")
    assert wristband.press()
    real = operator.alert_of_device(wristband.device_id)
    assert real["drill"] is False, "the drill is over"
    operator.move(real, "acknowledge")
    operator.move(real, "resolve", outcome="accidental")


def test_a_report_and_its_file(system: System, open_page: OpenPage) -> None:
    page = open_page(system)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    sign_in(page, system)
    assert not page.evaluate(LOADED), "the station's screen does not load charts"
    to(page, "reports")
    measures = page.get_by_test_id("measure")
    expect(measures).to_have_count(5)
    expect(measures.first).to_contain_text("目标 95.0%")
    shares = page.get_by_test_id("chart").first
    expect(shares.locator("svg")).to_contain_text("60 秒内接警")
    expect(shares).to_have_attribute("aria-label", re.compile("逐日比例折线图。10 秒内接警，目标 95.0%"))
    page.get_by_test_id("report-days").locator("summary").click()
    expect(page.get_by_test_id("report-days").locator("tbody tr")).to_have_count(7)
    assert not [each for each in said if "Content Security Policy" in each], said
    expect(page.get_by_test_id("ledger-figure")).to_have_text("每一次呼叫都有下落")
    with page.expect_download() as saved:
        page.get_by_test_id("report-xlsx").click()
    assert load_workbook(io.BytesIO(saved.value.path().read_bytes())).sheetnames == ["汇总", "按日", "按机构", "按类型"]
    page.set_viewport_size(HAND)  # type: ignore[arg-type]
    expect(page.get_by_test_id("report-alerts")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out at the side"
