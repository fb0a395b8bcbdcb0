"""What is drawn below the map: which tiles, by which datum, whose. Pure.

天地图 is CGCS2000, which for a map is WGS 84; OpenStreetMap is WGS 84; 高德 is GCJ-02, and whatever is drawn upon it is
shifted with it.
"""

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

Datum = Literal["wgs84", "gcj02"]

_TIANDITU: Final = (
    "https://t{s}.tianditu.gov.cn/{layer}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER={layer}&STYLE=default"
    "&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}&tk="
)
_AMAP: Final = "https://webrd0{s}.is.autonavi.com/appmaptile?lang=zh_cn&size=1&scale=1&style=8&x={x}&y={y}&z={z}"
_OSM: Final = "https://tile.openstreetmap.org/{z}/{x}/{y}.png"


@dataclass(frozen=True, slots=True)
class Tiles:
    """URLs with {s}, {z}, {x} and {y}, the lowest layer first. No URL: a map of our own, without tiles."""

    layers: tuple[str, ...] = ()
    subdomains: tuple[str, ...] = ()
    datum: Datum = "wgs84"
    attribution: str = ""
    most_zoom: int = 18

    @property
    def origins(self) -> tuple[str, ...]:
        """Where browsers fetch pictures from, as a Content-Security-Policy names it."""
        found = []
        for layer in self.layers:
            parts = urlsplit(layer.replace("{s}", "{0}"))
            for subdomain in self.subdomains or ("",):
                found.append(f"{parts.scheme}://{parts.netloc.replace('{0}', subdomain)}")
        return tuple(dict.fromkeys(found))


def tiles_of(tiles: str, key: str, datum: Datum, attribution: str) -> Tiles:
    """By the settings' words."""
    match tiles:
        case "":
            return Tiles()
        case "tianditu":
            layers = tuple(_TIANDITU.replace("{layer}", one) + key for one in ("vec", "cva"))
            return Tiles(layers, tuple("01234567"), "wgs84", "国家地理信息公共服务平台 天地图")
        case "amap":
            return Tiles((_AMAP,), tuple("1234"), "gcj02", "© 高德地图")
        case "osm":
            return Tiles((_OSM,), (), "wgs84", "© OpenStreetMap 贡献者", 19)
        case url:
            return Tiles((url,), (), datum, attribution)
