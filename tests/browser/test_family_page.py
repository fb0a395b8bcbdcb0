"""The push path in Chromium with its service worker, and the page that a message leads to.

Only `PushManager.subscribe()` is substituted: it needs the vendor's service. The message is encrypted by us, decrypted
by an implementation of RFC 8291 that shares nothing with ours, and handed to the service worker through the DevTools
protocol.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from simulators.receivers.server import Receivers
from tests.browser.conftest import HAND, WALL, sign_in
from tests.parts.postgres import PostgresServer
from tests.parts.system import Device, System, system_at
from tests.parts.waiting import until

SUBSCRIBE = """
(() => {
  let mine = null
  const subscription = { toJSON: () => (SUBSCRIPTION) }
  PushManager.prototype.subscribe = async (options) => {
    window.askedKey = options.applicationServerKey
    return (mine = subscription)
  }
  PushManager.prototype.getSubscription = async () => mine
})()
"""


@pytest.fixture(scope="module")
def receivers() -> Iterator[Receivers]:
    with Receivers() as receivers:
        yield receivers


@pytest.fixture(scope="module")
def system(postgres: PostgresServer, module_folder: Path) -> Iterator[System]:
    with system_at(module_folder / "family", postgres, elders=2) as system:
        system.start(ANHU_CHANNELS_MAY_BE_LOCAL="1", ANHU_PUBLIC_URL=system.url)
        system.wait_until_ready()
        yield system


def look(page: Page, name: str) -> None:
    """Where ANHU_TEST_SCREENSHOTS names a folder."""
    if folder := os.environ.get("ANHU_TEST_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")


def registration(devtools: CDPSession, page: Page) -> str:
    """The DevTools' name of the page's service worker, once it is there."""
    found: list[str] = []

    def take(event: dict[str, Any]) -> None:
        found.extend(one["registrationId"] for one in event["registrations"] if one["scopeURL"].endswith("/family/"))

    devtools.on("ServiceWorker.workerRegistrationUpdated", take)
    devtools.send("ServiceWorker.enable")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    for _ in range(100):
        if found:
            return found[-1]
        page.wait_for_timeout(50)
    raise AssertionError("the service worker is not registered")


def test_a_message_reaches_the_lock_screen_and_leads_to_the_alert(
    browser: Browser, system: System, receivers: Receivers
) -> None:
    context = browser.new_context(viewport=HAND, locale="zh-CN", permissions=["notifications"])
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.add_init_script(SUBSCRIBE.replace("SUBSCRIPTION", json.dumps(receivers.subscribe())))
    page.goto(f"{system.url}/family/")
    account = system.account("caregiver-1")
    page.get_by_test_id("sign-in-username").fill(account["username"])
    page.get_by_test_id("sign-in-password").fill(account["password"])
    page.get_by_test_id("sign-in-submit").click()
    expect(page.get_by_test_id("elder-state")).to_be_visible()
    look(page, "family-quiet")

    # Notifications are turned on, and a test message comes by them.
    page.get_by_test_id("push-hint").click()
    page.get_by_test_id("push-enable").click()
    (test,) = receivers.until(1, "push")
    assert test.title == "安护测试"
    expect(page.get_by_test_id("channel-state")).to_contain_text("最近送达")
    expect(page.get_by_test_id("push-on")).to_be_visible()
    look(page, "family-channels")

    # A press: whoever cares for the elder is told at once.
    with Device(system.broker, "watch-0001") as watch:
        pressed = watch.press()
        alert = system.sign_in().alert_of(pressed["event_id"])
        message = receivers.until(2, "push")[1]
        assert not receivers.wrong
        watch.receipt(pressed["event_id"], "raised")

    devtools = context.new_cdp_session(page)
    worker = registration(devtools, page)
    devtools.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": system.url, "registrationId": worker, "data": json.dumps(message.raw, ensure_ascii=False)},
    )
    shown = until(
        lambda: page.evaluate(
            "navigator.serviceWorker.getRegistration('/family/').then((one) => one.getNotifications()).then((all) =>"
            " all.map((one) => ({title: one.title, body: one.body, tag: one.tag, keep: one.requireInteraction})))"
        ),
        "a notification is shown",
    )
    assert [(one["title"], one["keep"]) for one in shown] == [("紧急救援", True)]
    assert shown[0]["body"].startswith("您关注的老人需要帮助，点开查看")
    assert shown[0]["tag"] == alert["id"].replace("-", "")
    words = shown[0]["title"] + shown[0]["body"]
    assert not any(secret in words for secret in (alert["elder"]["name"], "watch-0001", "大足", "呼救"))
    # It says so itself, and whoever sent it knows.
    told = "SELECT 1 FROM notices WHERE alert_id = %s AND why = 'caregiver' AND "
    until(lambda: system.sql(told + "shown_at IS NOT NULL", alert["id"]), "told that it is shown")

    # The link leads to the alert, and that it was opened is kept.
    page.goto(message.url)
    card = page.get_by_test_id("family-alert")
    expect(card).to_have_attribute("data-alert-id", alert["id"])
    assert page.url == f"{system.url}/family/#/alerts/{alert['id']}"
    until(lambda: system.sql(told + "ended = 'opened'", alert["id"]), "opened")
    expect(card.get_by_test_id("device-told")).to_contain_text("老人的设备已提示")
    look(page, "family-alert")

    # 我已确认安全 is on the station's screen, and closes nothing.
    card.get_by_test_id("safe").click()
    card.get_by_test_id("safe-note").fill("已打通电话，是误按")
    card.get_by_test_id("safe-confirm").click()
    expect(card.get_by_test_id("safe-word")).to_contain_text("已打通电话")
    look(page, "family-safe")
    wall = browser.new_context(viewport=WALL, locale="zh-CN").new_page()
    wall.on("pageerror", lambda error: faults.append(str(error)))
    wall.goto(system.url)
    sign_in(wall, system)
    expect(wall.get_by_test_id("family-safe")).to_contain_text("张晓兰")
    expect(wall.get_by_test_id("device-told")).to_contain_text("设备已提示老人")
    expect(wall.get_by_test_id("alert-detail")).to_have_attribute("data-state", "triggered")
    look(wall, "station-safe")
    system.sign_in().move(alert, "acknowledge")
    system.sign_in().move(alert, "dispatch", responder="赵某（虚构）", eta_minutes=8)
    expect(card.get_by_test_id("progress")).to_contain_text("赵某（虚构）正在路上，预计 8 分钟到")
    update = receivers.until(3, "push")[2]
    assert (update.title, update.raw["tag"]) == ("已派人", message.raw["tag"])
    # 谁看过, by name.
    page.get_by_test_id("looks-show").click()
    expect(page.get_by_test_id("look").filter(has_text="处置告警时查看").first).to_contain_text("北禅")
    look(page, "family-looks")
    wall.context.close()
    context.close()
    assert not faults, faults
