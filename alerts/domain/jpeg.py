"""A photograph from a telephone: whether it is a whole JPEG, how large, without what the camera wrote into it. Pure.

The picture itself is not decoded here: a browser that shows it does that, and has been told what it is. What is made
sure: that it is a JPEG from its first to its last segment, and that neither the place where it was taken nor anything
else beside the picture (EXIF, XMP, thumbnails, comments) goes into the database.
"""

from dataclasses import dataclass
from typing import Final

MOST_BYTES: Final = 700 * 1024
#: Pixels along one side: more than any screen shows.
MOST_PIXELS: Final = 8000

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
#: SOF0, SOF1, SOF2: baseline, extended and progressive, as telephones write them.
_FRAMES: Final = (0xC0, 0xC1, 0xC2)
#: Of the application's segments those without which colours would change: JFIF, ICC profiles, Adobe's.
_KEPT_APPS: Final = {0xE0: b"JFIF\x00", 0xE2: b"ICC_PROFILE\x00", 0xEE: b"Adobe"}
#: Tables, restart intervals: what belongs to the picture.
_KEPT: Final = frozenset({*_FRAMES, 0xC4, 0xDB, 0xDD, _SCAN})


@dataclass(frozen=True, slots=True)
class Photo:
    data: bytes
    width: int
    height: int


class NotAPhotoError(ValueError):
    """Says why in Chinese."""


def read_photo(data: bytes) -> Photo:
    """The picture alone. Raises NotAPhotoError."""
    if len(data) > MOST_BYTES:
        raise NotAPhotoError(f"照片超过 {MOST_BYTES // 1024} KB，请缩小后再上传")
    if data[:2] != b"\xff\xd8":
        raise NotAPhotoError("只能上传 JPEG 照片")
    kept = [b"\xff\xd8"]
    size: tuple[int, int] | None = None
    scans = 0
    at = 2
    while True:
        marker, at = _marker(data, at)
        if marker == _END:
            break
        length = int.from_bytes(data[at : at + 2], "big")
        end = at + length
        if length < 2 or end > len(data):
            raise NotAPhotoError("照片不完整，请重新拍摄或上传")
        segment = data[at + 2 : end]
        if marker in _FRAMES:
            size = _size(segment)
        if marker == _SCAN:
            scans += 1
            end = _end_of_scan(data, end)
        if marker in _KEPT or (marker in _KEPT_APPS and segment.startswith(_KEPT_APPS[marker])):
            kept += [b"\xff", bytes([marker]), data[at:end]]
        elif not 0xE0 <= marker <= 0xEF and marker != 0xFE:
            raise NotAPhotoError("不支持这种 JPEG 照片，请换一张")
        at = end
    if size is None or not scans:
        raise NotAPhotoError("照片里没有图像，请重新拍摄")
    return Photo(b"".join([*kept, b"\xff\xd9"]), *size)


def _marker(data: bytes, at: int) -> tuple[int, int]:
    if at + 2 > len(data) or data[at] != 0xFF:
        raise NotAPhotoError("照片不完整，请重新拍摄或上传")
    at += 1
    while at < len(data) and data[at] == 0xFF:  # fill bytes
        at += 1
    if at >= len(data):
        raise NotAPhotoError("照片不完整，请重新拍摄或上传")
    return data[at], at + 1


def _size(segment: bytes) -> tuple[int, int]:
    height, width = int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big")
    if not (0 < width <= MOST_PIXELS and 0 < height <= MOST_PIXELS):
        raise NotAPhotoError(f"照片尺寸不对：每边最多 {MOST_PIXELS} 像素")
    return width, height


def _end_of_scan(data: bytes, at: int) -> int:
    """Where the marker after a scan is: within it 0xFF is followed by 0, or by a restart's number."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise NotAPhotoError("照片不完整，请重新拍摄或上传")
        if data[at + 1] == 0 or 0xD0 <= data[at + 1] <= 0xD7:
            at += 2
        else:
            return at
