"""Tiles below the map: the datum of each, and what a browser may fetch."""

import pytest
from pydantic import ValidationError

from services.api.tiles import Tiles, tiles_of
from services.runtime.settings import Settings


@pytest.mark.parametrize(
    ("word", "datum", "origin"),
    [
        ("tianditu", "wgs84", "https://t0.tianditu.gov.cn"),
        ("amap", "gcj02", "https://webrd01.is.autonavi.com"),
        ("osm", "wgs84", "https://tile.openstreetmap.org"),
        ("https://tiles.example.org/{z}/{x}/{y}.png", "gcj02", "https://tiles.example.org"),
    ],
)
def test_each_has_its_datum_and_its_origin(word: str, datum: str, origin: str) -> None:
    tiles = tiles_of(word, "a-key", "gcj02", "某地图")
    assert (tiles.datum, tiles.origins[0]) == (datum, origin)
    assert tiles.attribution
    for layer in tiles.layers:
        assert all(part in layer for part in ("{z}", "{x}", "{y}"))
        assert ("a-key" in layer) is (word == "tianditu")


def test_without_a_word_there_is_a_map_without_tiles() -> None:
    assert tiles_of("", "", "gcj02", "") == Tiles()
    assert Tiles().origins == ()


def test_no_url_breaks_out_of_the_policy() -> None:
    for wrong in ("https://a.example; script-src *", "javascript:x", "https://a.example 'unsafe-inline'", "bing"):
        with pytest.raises(ValidationError):
            Settings(map_tiles=wrong)
