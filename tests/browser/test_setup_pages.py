"""The pages for people, places, devices and files, in Chromium, against the real system. Everybody is invented."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import HAND, sign_in
from tests.browser.test_manage_pages import to
from tests.parts.system import System
from tests.unit.registry.files import number, xlsx_of

OpenPage = Callable[..., Page]


def test_a_file_is_checked_mended_and_taken_in(system: System, open_page: OpenPage, tmp_path: Path) -> None:
    head = ("姓名", "身份证号", "联系电话", "住址", "所属社区", "护理类别")
    good = ("覃试兰", number(sequence=70), "023-00990070", "试验巷7号（虚构）", "北禅社区", "低保")
    wrong = ("覃试竹", number(sequence=72), "023-00990072", "试验巷8号（虚构）", "北婵社区", "")
    file = tmp_path / "名册.xlsx"
    file.write_bytes(xlsx_of(("北禅社区老年人花名册",), head, good, wrong))
    page = open_page(system)
    sign_in(page, system, "admin")
    to(page, "import")
    page.get_by_test_id("import-file").set_input_files(file)
    flaw = page.locator('[data-testid="import-flaw"][data-line="4"]')
    expect(flaw).to_contain_text("是不是“北禅社区")
    expect(page.get_by_test_id("import-result")).to_have_attribute("data-applied", "false")
    file.write_bytes(xlsx_of(head, good, (*wrong[:4], "北禅社区", "")))
    page.get_by_test_id("import-file").set_input_files(file)
    expect(page.get_by_test_id("import-all")).to_have_text("导入 2 行")
    page.get_by_test_id("import-all").click()
    expect(page.get_by_test_id("import-result")).to_have_attribute("data-applied", "true")

    # Found by the initials, opened, changed; the change is told.
    page.get_by_test_id("section-elders").click()
    page.get_by_test_id("elders-search").fill("qsl")
    row = page.get_by_test_id("elder-row").filter(has_text="覃试兰")
    row.click()
    expect(page.get_by_test_id("elder-name")).to_have_value("覃试兰")
    page.get_by_test_id("elder-address").fill("康宁路9号（虚构）")
    page.get_by_test_id("contact-add").click()
    page.get_by_test_id("contact-name").fill("覃某")
    page.get_by_test_id("contact-phone-input").fill("12")
    page.get_by_test_id("elder-save").click()
    expect(page.get_by_test_id("elder-refused")).to_contain_text("手机号应为 11 位")
    page.get_by_test_id("contact-phone-input").fill("13800000000")
    page.get_by_test_id("elder-save").click()
    expect(page.get_by_test_id("elder-refused")).to_have_count(0)
    page.get_by_test_id("changes-show").click()
    expect(page.get_by_test_id("changes")).to_contain_text("地址：试验巷7号（虚构） → 康宁路9号（虚构）")
    # What they agree to show to their family is recorded, and taken back; the family's page obeys the same rows.
    alerts = page.locator('[data-testid="consent"][data-purpose="family_alerts"]')
    expect(alerts).to_have_attribute("data-given", "false")
    alerts.get_by_test_id("consent-ask").click()
    expect(page.get_by_test_id("consent-text")).to_have_value(re.compile("本人覃试兰同意家属"))
    page.get_by_test_id("consent-save").click()
    expect(alerts).to_have_attribute("data-given", "true")
    expect(page.get_by_test_id("changes")).to_contain_text("登记知情同意")
    alerts.get_by_test_id("consent-withdraw").click()
    alerts.get_by_test_id("consent-withdraw-confirm").click()
    expect(alerts).to_have_attribute("data-given", "false")
    expect(page.get_by_test_id("consent-past")).to_have_count(1)
    page.get_by_test_id("identity-ask").click()
    page.get_by_test_id("identity-why").fill("核对（虚构）")
    page.get_by_test_id("identity-show").click()
    expect(page.get_by_test_id("identity-shown")).to_have_text(number(sequence=70))


def test_devices_people_and_places(system: System, open_page: OpenPage) -> None:
    page = open_page(system)
    sign_in(page, system, "admin")
    to(page, "devices")
    page.get_by_test_id("device-new").click()
    page.get_by_test_id("device-id").fill("record-browser-1")
    page.get_by_test_id("device-organization").select_option(system.seeded.organization_id)
    page.get_by_test_id("device-save").click()
    expect(page.get_by_test_id("told-secret")).to_have_count(1)
    page.get_by_test_id("told-done").click()
    page.get_by_test_id("devices-search").fill("RECORD-browser")
    row = page.locator('[data-testid="device-row"][data-device-id="record-browser-1"]')
    expect(row).to_contain_text("未绑定")
    row.get_by_role("button", name="停用").click()
    row.get_by_role("button", name="确认停用").click()
    expect(row).to_have_count(0)

    page.get_by_test_id("section-organizations").click()
    page.get_by_test_id("organization-new").click()
    page.get_by_test_id("organization-name").fill("试验服务点（虚构）")
    page.get_by_test_id("organization-tier").select_option("point")
    page.get_by_test_id("organization-parent").select_option(system.seeded.organization_id)
    page.get_by_test_id("organization-save").click()
    page.get_by_test_id("organizations-search").fill("试验")
    expect(page.get_by_test_id("organization-row")).to_contain_text("试验服务点（虚构）")

    page.get_by_test_id("section-people").click()
    page.get_by_test_id("account-new").click()
    page.get_by_test_id("account-name").fill("王试（虚构）")
    page.get_by_test_id("account-username").fill("record-browser")
    page.get_by_test_id("account-organization").select_option(system.seeded.organization_id)
    page.get_by_test_id("account-save").click()
    expect(page.get_by_test_id("told-secret")).to_have_count(1)
    expect(page.locator('[data-testid="account-row"][data-username="record-browser"]')).to_contain_text("值班员")


def test_an_operator_looks_in_a_hand_and_changes_nothing(system: System, open_page: OpenPage) -> None:
    page = open_page(system, viewport=HAND)
    sign_in(page, system)
    to(page, "elders")
    expect(page.get_by_test_id("section-import")).to_have_count(0)
    expect(page.get_by_test_id("section-people")).to_have_count(0)
    expect(page.get_by_test_id("elder-new")).to_have_count(0)
    page.get_by_test_id("elder-row").first.click()
    expect(page.get_by_test_id("elder-name")).to_be_disabled()
    expect(page.get_by_test_id("elder-save")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
