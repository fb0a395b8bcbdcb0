"""Photographs: whole ones are taken without what the camera wrote into them, everything else is refused."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.domain.jpeg import MOST_BYTES, NotAPhotoError, read_photo


def segment(marker: int, content: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content


def jpeg(
    width: int = 640, height: int = 480, beside: bytes = b"", picture: bytes = b"\x12\xff\x00\xff\xd0\x34"
) -> bytes:
    frame = segment(0xC0, b"\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00")
    scan = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + picture
    return b"\xff\xd8" + segment(0xE0, b"JFIF\x00\x01") + beside + segment(0xDB, bytes(65)) + frame + scan + b"\xff\xd9"


EXIF = segment(0xE1, b"Exif\x00\x00 29.563, 106.5516") + segment(0xFE, b"a telephone")


def test_a_picture_is_kept_and_what_is_beside_it_is_not() -> None:
    photo = read_photo(jpeg(beside=EXIF) + b"trailing")
    assert (photo.width, photo.height) == (640, 480)
    assert photo.data == jpeg(), "without the place, the comment and what follows the end"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "只能上传 JPEG"),
        (b"\x89PNG\r\n\x1a\n", "只能上传 JPEG"),
        (b"<svg onload='alert(1)'/>", "只能上传 JPEG"),
        (jpeg()[:-2], "不完整"),
        (jpeg()[:40], "不完整"),
        (jpeg(0, 5), "尺寸"),
        (jpeg(9000, 5), "尺寸"),
        (b"\xff\xd8\xff\xd9", "没有图像"),
        (b"\xff\xd8" + segment(0xC9, bytes(9)) + b"\xff\xd9", "不支持"),
        (bytes(MOST_BYTES + 1), "超过 700 KB"),
    ],
)
def test_what_is_no_whole_photograph_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(NotAPhotoError, match=told):
        read_photo(data)


@given(st.binary(max_size=200), st.integers(0, 200))
def test_anything_is_taken_or_refused(noise: bytes, place: int) -> None:
    whole = jpeg(beside=EXIF)
    place = min(place, len(whole))
    try:
        photo = read_photo(whole[:place] + noise + whole[place:])
    except NotAPhotoError:
        return
    assert b"Exif" not in photo.data.split(b"\xff\xda")[0] or b"Exif" in noise
