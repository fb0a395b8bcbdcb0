"""Broken files, each with what is said of it: the line, the column, what is wrong, and how it is mended."""

from collections.abc import Callable
from datetime import date

import pytest

from tests.unit.registry.files import HEAD, ROW, book_of, bytes_of, csv_of, number, records, xlsx_of, zip_of


def _one(column: str, value: object, *, form: Callable[..., bytes] = csv_of) -> bytes:
    """A file whose second row is wrong in one cell."""
    head, row = [*HEAD], [*ROW]
    if column not in head:
        head.append(column)
        row.append("")
    row[head.index(column)] = value  # type: ignore[call-overload]
    good = ("李某", number(sequence=4), "023-00000012", "北禅社区", *[""] * (len(head) - 4))
    return form(head, good, row)


def _merged() -> bytes:
    book = book_of(HEAD, ROW, ("李某", number(sequence=4), "023-00000012", None))
    book.active.merge_cells("D2:D3")
    return bytes_of(book)


def _two_line_header() -> bytes:
    book = book_of(
        ("姓名", "身份证号", "所属社区", "紧急联系人", ""),
        ("", "", "", "姓名", "电话"),
        ("陈某", number(), "北禅社区", "陈某丽", "023-00000012"),
    )
    book.active.merge_cells("D1:E1")
    return bytes_of(book)


def _hidden() -> bytes:
    book = book_of(HEAD, ROW, ("李某", number(sequence=4), "023-00000012", "北禅社区"))
    book.active.row_dimensions[2].hidden = True
    return bytes_of(book)


def _bomb() -> bytes:
    return zip_of(**{"xl/workbook.xml": b"<workbook/>", "xl/worksheets/sheet1.xml": b" " * 30_000_000})


def _doctype() -> bytes:
    return zip_of(**{"xl/workbook.xml": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><workbook/>'})


RESPONDER_HEAD, RESPONDER = ("姓名", "类别", "联系电话", "所属机构"), ("冉某", "网格员", "13800000001", "北禅社区")
DEVICE_HEAD, DEVICE = ("设备编号", "设备类型", "社区"), ("wb-1", "手环", "北禅社区")
CASES: dict[str, tuple[bytes, int, str, str]] = {
    # name: file, line, column, words of the message and of how it is mended
    "empty": (b"", 0, "", "空的"),
    "only blanks": (b"\r\n  \r\n", 0, "", "空的"),
    "only a header": (csv_of(HEAD), 1, "", "没有数据"),
    "no header": (csv_of(ROW, ROW), 0, "", "没有找到表头"),
    "old .xls": (b"\xd0\xcf\x11\xe0" + b"\x00" * 600, 0, "", "旧格式"),
    "xlsx with a password": (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le") * 3, 0, "", "密码"),
    "a web page called .xls": (b"<html><table><tr><td>x</td></tr></table></html>", 0, "", "网页格式"),
    "pdf": (b"%PDF-1.7 ...", 0, "", "PDF"),
    "docx": (zip_of(**{"word/document.xml": b"<w/>"}), 0, "", "Word"),
    "zip": (zip_of(**{"a.csv": b"x"}), 0, "", "压缩包"),
    "zip bomb": (_bomb(), 0, "", "大得异常"),
    "doctype": (_doctype(), 0, "", "DOCTYPE"),
    "torn xlsx": (xlsx_of(HEAD, ROW)[:-200], 0, "", "损坏"),
    "mixed encodings": (csv_of(HEAD, ROW) + b"\r\n\xff\xff\x81,1,2,3", 3, "", "编码"),
    "nul bytes": (csv_of(HEAD, ROW).replace(b"023", b"\x00\x01\x02"), 0, "", "空字符"),
    "quote not closed": (csv_of(HEAD, ROW, ('"李某', "", "", ""), ROW), 3, "", "引号不配对"),
    "column missing": (csv_of(HEAD[:3], ROW[:3]), 1, "", "缺少必需的列：“所属社区”"),
    "column twice": (csv_of((*HEAD, "手机"), (*ROW, "1")), 1, "手机", "有两列都是"),
    "header of two lines": (_two_line_header(), 1, "", "表头占两行"),
    "two sheets": (xlsx_of(HEAD, ROW, 二=[HEAD, ROW]), 0, "", "2 个工作表"),
    "merged cells": (_merged(), 2, "", "合并的单元格"),
    "hidden row": (_hidden(), 2, "", "隐藏"),
    "comma missing": (csv_of(HEAD, ROW, ROW[:3]), 3, "", "只有 3 格"),
    "comma too many": (csv_of(HEAD, ROW, ("李某", number(sequence=4), "1栋", "2单元", "北禅社区")), 3, "", "多出内容"),
    "scientific, text": (_one("身份证号", "5.00199E+17"), 3, "身份证号", "科学计数法"),
    "scientific, number": (_one("身份证号", 500199195003050000, form=xlsx_of), 3, "身份证号", "以数字存放"),
    "scientific, made text": (_one("身份证号", "500199195003050000"), 3, "身份证号", "000"),
    "check character": (
        _one("身份证号", number()[:-1] + ("1" if number()[-1] != "1" else "2")),
        3,
        "身份证号",
        "校验位",
    ),
    "old identity number": (_one("身份证号", "500199500305002"), 3, "身份证号", "15 位"),
    "masked identity number": (_one("身份证号", "500199********0021"), 3, "身份证号", "打了码"),
    "identity number too short": (_one("身份证号", "50019919500305"), 3, "身份证号", "14 位"),
    "no such birthday": (_one("身份证号", "500199195013050021"), 3, "身份证号", "出生日期不存在"),
    "identity and birth": (_one("出生日期", "1951-03-05"), 3, "出生日期", "不一致"),
    "identity and gender": (_one("性别", "男"), 3, "性别", "不一致"),
    "day without month": (_one("出生日期", "1950"), 3, "出生日期", "不完整"),
    "no such day": (_one("出生日期", "1950-02-30"), 3, "出生日期", "没有这一天"),
    "day in the future": (_one("出生日期", "2050-01-01"), 3, "出生日期", "不可能"),
    "day turned round": (_one("出生日期", "03/05/1950"), 3, "出生日期", "看不出"),
    "phone too short": (_one("联系电话", "1380000000"), 3, "联系电话", "11 位"),
    "two phones": (_one("联系电话", "13800000000/13900000000"), 3, "联系电话", "几个电话"),
    "phone lost its zero": (_one("联系电话", 2300000011, form=xlsx_of), 3, "联系电话", "开头的 0"),
    "unknown organisation": (_one("所属社区", "北婵社区"), 3, "所属社区", "没有这个机构"),
    "no organisation": (_one("所属社区", ""), 3, "所属社区", "没有填写"),
    "no name": (_one("姓名", ""), 3, "姓名", "没有填写"),
    "phone in the name": (_one("姓名", "陈某13800000000"), 3, "姓名", "数字"),
    "formula": (_one("联系电话", '=A1&"1"', form=xlsx_of), 3, "联系电话", "公式"),
    "error value": (_one("联系电话", "#N/A"), 3, "联系电话", "错误值"),
    "unknown category": (_one("护理类别", "低保、失聪"), 3, "护理类别", "失聪"),
    "unknown level": (_one("能力等级", "三级"), 3, "能力等级", "没有这个选项"),
    "twice in the file": (csv_of(HEAD, ROW, ROW), 3, "身份证号", "第 2 行重复"),
    "nobody knows who": (csv_of(HEAD, ("陈某", "", "", "北禅社区")), 2, "身份证号", "既没有身份证号"),
    "mojibake": (_one("姓名", "陈\ufffd"), 3, "姓名", "乱码"),
    "latitude and longitude": (_one("纬度", "105.7"), 3, "纬度", "超出范围"),
    "a date for a phone": (_one("联系电话", date(2026, 1, 2), form=xlsx_of), 3, "联系电话", "不是电话"),
}


@pytest.mark.parametrize("name", list(CASES))
def test_what_is_said(name: str) -> None:
    data, line, column, words = CASES[name]
    good, flaws = records(data)
    assert flaws, good
    flaw = flaws[0]
    assert (flaw.line, flaw.column) == (line, column), flaws
    assert words in flaw.message + flaw.value, flaws
    assert flaw.mend
    assert all(record.line != line for record in good)


def test_the_nearest_is_suggested() -> None:
    [flaw] = records(_one("所属社区", "北婵社区"))[1]
    assert "北禅社区居民委员会" in flaw.mend
    [flaw] = records(_one("护理类别", "低保户家庭"))[1]
    assert "是不是“低保" in flaw.mend


def test_a_wrong_number_is_not_repeated_whole() -> None:
    wrong = "500199195003050031"
    [flaw] = records(_one("身份证号", wrong))[1]
    assert wrong not in str(flaw)


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("devices", csv_of(("设备编号", "设备类型", "所属社区"), ("wb 1号", "手环", "北禅社区")), "设备编号不合格式"),
        ("devices", csv_of(("设备编号", "设备类型", "所属社区"), ("wb-1", "手镯", "北禅社区")), "没有这种设备类型"),
        ("devices", csv_of(("设备编号", "设备类型", "使用人"), ("wb-1", "手环", "陈某")), "分不清是哪一位"),
        ("devices", csv_of(DEVICE_HEAD, DEVICE, DEVICE), "第 2 行重复"),
        ("devices", csv_of((*DEVICE_HEAD, "IMEI"), (*DEVICE, "86123")), "必须同时填写"),
        ("accounts", csv_of(("姓名", "登录名", "角色"), ("王某", "w", "值班员")), "登录名不合格式"),
        ("accounts", csv_of(("姓名", "登录名", "角色", "单位"), ("王某", "wang", "站长", "北禅社区")), "没有这个选项"),
        ("accounts", csv_of(("姓名", "登录名", "角色"), ("陈某丽", "chen", "家属")), "照护哪位老人"),
        ("contacts", csv_of(("老人姓名", "联系人", "电话"), ("陈某", "陈某丽", "13800000000")), "分不清是哪一位"),
        ("responders", csv_of(RESPONDER_HEAD, ("冉某", "网管员", *RESPONDER[2:])), "没有这个选项"),
        ("responders", csv_of(RESPONDER_HEAD, ("冉某", "网格员", "", "北禅社区")), "没有填写"),
        ("responders", csv_of(RESPONDER_HEAD, RESPONDER, ("秦某", "村医", *RESPONDER[2:])), "第 2 行重复"),
        ("responders", csv_of((*RESPONDER_HEAD, "值守时间"), (*RESPONDER, "有空时")), "看不懂"),
        ("responders", csv_of((*RESPONDER_HEAD, "技能"), (*RESPONDER, "会" * 40)), "一项技能"),
        ("responders", csv_of((*RESPONDER_HEAD, "经度", "纬度"), (*RESPONDER, "105.7", "")), "只填了一个"),
        ("organizations", csv_of(("机构名称", "类型", "上级"), ("某站", "驿站", "北禅社区")), "没有这个选项"),
    ],
)  # fmt: skip
def test_other_kinds(kind: str, data: bytes, words: str) -> None:
    flaws = records(data, kind)[1]
    assert flaws
    assert words in flaws[0].message
