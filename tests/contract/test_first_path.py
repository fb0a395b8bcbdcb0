"""From the press to the screen and back to the wristband, through every real part."""

from tests.parts.system import Device, System


def test_a_press_is_answered_step_by_step_and_the_wristband_is_told_each(system: System, wristband: Device) -> None:
    operator = system.sign_in()
    with operator.screen() as screen:
        pressed = wristband.press(location={"lat": 29.7, "lon": 105.7, "accuracy": 12}, battery=82)
        alert = screen.next_of(operator.alert_of(pressed["event_id"]))
        assert alert["event_id"] == pressed["event_id"]
        assert (alert["severity"], alert["state"], alert["version"]) == ("red", "triggered", 1)
        assert alert["title"].startswith("紧急救援")
        assert alert["location"] == {"lat": 29.7, "lon": 105.7, "accuracy": 12}
        assert alert["place"]
        wristband.receipt(pressed["event_id"], "raised")

        screen.send(type="seen", alert_id=alert["id"])
        wristband.receipt(pressed["event_id"], "seen")

        for move, body, state in (
            ("acknowledge", {}, "acknowledged"),
            ("dispatch", {"responder": "李某", "eta_minutes": 5}, "dispatched"),
            ("arrive", {}, "arrived"),
            ("resolve", {"outcome": "assisted"}, "resolved"),
        ):
            answer = operator.move(alert, move, **body)
            assert answer.status_code == 200, answer.text
            assert answer.json()["state"] == state
            shown = screen.next_of(alert)
            assert (shown["state"], shown["version"]) == (state, answer.json()["version"])
            wristband.receipt(pressed["event_id"], state)
        assert (shown["location"], shown["place"], shown["withheld"]) == (None, None, True)
        assert operator.move(alert, "follow_up", note="精神好").json()["state"] == "followed_up"
    detail = operator.get(f"/alerts/{alert['id']}")
    assert [entry["kind"] for entry in detail["timeline"]] == [
        *("raised", "seen", "acknowledged", "dispatched", "arrived", "resolved", "followed_up")
    ]
    told = wristband.stages(pressed["event_id"])
    # Two processes tell the first two: the later may overtake.
    assert sorted(told[:2]) == ["raised", "stored"]
    assert told[2:] == ["seen", "acknowledged", "dispatched", "arrived", "resolved"]
