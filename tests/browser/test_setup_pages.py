"""The pages for people, places, devices and files, in Chromium, against the real system. Everybody is invented."""

import base64
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from playwright.sync_api import Page, expect

from tests.browser.conftest import HAND, sign_in
from tests.browser.test_manage_pages import to
from tests.parts.system import System
from tests.unit.registry.files import number, xlsx_of

OpenPage = Callable[..., Page]


def look(page: Page, name: str) -> None:
    """Where ANHU_TEST_SCREENSHOTS names a folder."""
    if folder := os.environ.get("ANHU_TEST_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


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
    page.get_by_test_id("identity-ask").click()
    page.get_by_test_id("identity-why").fill("核对（虚构）")
    page.get_by_test_id("identity-show").click()
    expect(page.get_by_test_id("identity-shown")).to_have_text(number(sequence=70))

    # Their copy is downloaded; and they are gone, which asks for the name.
    with page.expect_download() as download:
        page.get_by_test_id("person-copy").click()
    assert "康宁路9号（虚构）" in Path(download.value.path()).read_text("utf-8")
    page.get_by_test_id("person-erase").click()
    page.get_by_test_id("person-name").fill("覃试兰")
    page.get_by_test_id("person-why").fill("本人申请（虚构）")
    look(page, "person")
    page.get_by_test_id("person-confirm").click()
    page.get_by_test_id("elders-search").fill("qsl")
    expect(page.get_by_test_id("elder-row")).to_have_count(0)


def test_what_is_withheld_is_opened_and_the_auditor_reads_why(system: System, open_page: OpenPage) -> None:
    page = open_page(system)
    sign_in(page, system)
    to(page, "elders")
    row = page.get_by_test_id("elder-row").first
    row.click()
    name = page.get_by_test_id("elder-name").input_value()
    expect(page.get_by_test_id("elder-phone-input")).to_have_value(re.compile(r"\*\*\*\*"))
    page.get_by_test_id("phones-ask").click()
    expect(page.get_by_test_id("phones-shown")).to_contain_text("本人")
    expect(page.get_by_test_id("phones-shown")).not_to_contain_text("*")
    opening = page.get_by_test_id("opening")
    expect(opening).to_have_attribute("data-open", "false")
    page.get_by_test_id("opening-ask").click()
    page.get_by_test_id("opening-why").fill("邻居说三天没见人（虚构）")
    page.get_by_test_id("opening-open").click()
    expect(page.get_by_test_id("opening-until")).to_contain_text("自动收起")
    expect(page.get_by_test_id("opening-position")).to_contain_text("29.7")
    look(page, "opening")

    system.sql(
        "INSERT INTO accounts (id, username, password_hash, name, role) SELECT gen_random_uuid(), 'auditor-1',"
        " password_hash, '审某（虚构）', 'auditor' FROM accounts WHERE username = 'admin'"
    )
    system.sql(
        "INSERT INTO account_organizations SELECT id, %s FROM accounts WHERE username = 'auditor-1'",
        system.organization("city"),
    )
    page = open_page(system)
    page.get_by_test_id("sign-in-username").fill("auditor-1")
    page.get_by_test_id("sign-in-password").fill(system.account("admin")["password"])
    page.get_by_test_id("sign-in-submit").click()
    page.get_by_test_id("section-audit").click()
    expect(page.get_by_test_id("desk")).to_be_visible()
    expect(page.get_by_test_id("section-elders")).to_have_count(0)
    expect(page.get_by_test_id("opening-row").first).to_contain_text(name)
    expect(page.get_by_test_id("opening-row").first).to_contain_text("邻居说三天没见人（虚构）")
    expect(page.get_by_test_id("look-row").first).to_contain_text(name)
    look(page, "audit")
    page.set_viewport_size(HAND)
    look(page, "audit-hand")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    page = open_page(system)
    sign_in(page, system, "admin")
    to(page, "account")
    page.get_by_test_id("factor-begin").click()
    secret = page.get_by_test_id("factor-secret").inner_text().replace(" ", "")
    totp = TOTP(base64.b32decode(secret + "=" * (-len(secret) % 8)), 6, SHA1(), 30)
    page.get_by_test_id("factor-code").fill(totp.generate(time.time()).decode())
    page.get_by_test_id("factor-confirm").click()
    expect(page.get_by_test_id("told-secret")).to_have_count(10)
    look(page, "account")
    page.set_viewport_size(HAND)
    look(page, "account-hand")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    # The next one signs in with the password and a code.
    page = open_page(system)
    page.get_by_test_id("sign-in-username").fill("admin")
    page.get_by_test_id("sign-in-password").fill(system.account("admin")["password"])
    page.get_by_test_id("sign-in-submit").click()
    page.get_by_test_id("sign-in-code").fill(totp.generate(time.time() + 30).decode())
    page.get_by_test_id("sign-in-submit").click()
    expect(page.get_by_test_id("sign-in")).to_have_count(0)
    system.sql("DELETE FROM second_factors")


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
