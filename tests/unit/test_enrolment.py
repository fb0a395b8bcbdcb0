"""What a CSV of devices is read as, and what is told of each bad line."""

import pytest

from services.registry.enrolment import Enrolment, read_csv, secrets_csv

GOOD = "device_id,kind,organization\nwatch-1,wristband,北禅社区\nbutton-1,emergency_button,500111001003\n"


def test_each_line_is_a_device() -> None:
    wanted, flaws = read_csv(GOOD.encode())
    assert flaws == []
    assert wanted == [
        Enrolment("watch-1", "wristband", organization="北禅社区", line=2),
        Enrolment("button-1", "emergency_button", organization="500111001003", line=3),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_as_spreadsheets_save_it(encoding: str) -> None:
    wanted, flaws = read_csv(GOOD.replace("\n", "\r\n").replace("device_id", "Device_ID ").encode(encoding))
    assert flaws == []
    assert [one.organization for one in wanted] == ["北禅社区", "500111001003"]


def test_empty_lines_are_nothing_and_lines_are_counted_as_an_editor_does() -> None:
    text = 'device_id,kind,model,organization\n\n,,,\na,wristband,"two\nlines",x\nb!,wristband,,x\n'
    wanted, flaws = read_csv(text.encode())
    assert wanted == []
    assert [(flaw.line, flaw.column) for flaw in flaws] == [(4, "model"), (6, "device_id")]


HEADER = "device_id,kind,organization_id,organization,elder_id,source,hardware_id"
ELDER = "0193a0b2-7c00-7000-8000-000000000002"


@pytest.mark.parametrize(
    ("line", "column"),
    [
        (",wristband,,x,,,", "device_id"),
        ("a b,wristband,,x,,,", "device_id"),
        ("手环,wristband,,x,,,", "device_id"),
        (f"{'x' * 65},wristband,,x,,,", "device_id"),
        ("a,,,x,,,", "kind"),
        ("a,Wrist Band,,x,,,", "kind"),
        ("a,wristband,,,,,", "organization_id"),
        ("a,wristband,17,,,,", "organization_id"),
        (f"a,wristband,{ELDER},x,,,", "organization"),
        ("a,wristband,,x,17,,", "elder_id"),
        ("a,wristband,,x,,chirpstack,", "hardware_id"),
        ("a,wristband,,x,,,24e124", "source"),
        ("a,wristband,,x,,a/b,24e124", "source"),
        ("a,wristband,,x", "line"),
        ('a,wristband,,x,,,"open', "line"),
    ],
)
def test_a_bad_line_is_told_with_its_number_and_column(line: str, column: str) -> None:
    wanted, flaws = read_csv(f"{HEADER}\nfine,wristband,,x,,,\n{line}\n".encode())
    assert [one.device_id for one in wanted] == ["fine"]
    assert [flaw.column for flaw in flaws] == [column]
    assert flaws[0].line in (3, 4)
    assert flaws[0].what
    assert flaws[0].message


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "the column is missing"),
        (b"device_id;kind\na;b\n", "no such column"),
        (b"device_id,kind\na,wristband\n", "no column says where"),
        (b"device_id,kind,elder_id,kind\n", "twice"),
        (b"device_id,kind,elder\n", "no such column"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "NUL"),
        (b"\xff\xff\xff", "neither UTF-8 nor GB 18030"),
    ],
)
def test_a_file_that_is_no_such_csv(data: bytes, what: str) -> None:
    wanted, flaws = read_csv(data)
    assert wanted == []
    assert any(what in flaw.what for flaw in flaws)


def test_the_secrets_are_a_csv() -> None:
    assert secrets_csv([("a", "s1"), ("b", "s2")]) == "device_id,secret\na,s1\nb,s2\n"
