"""Settings, from the environment alone. `anhu --help` and the README list them from here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

#: A database behind a network that has gone silent is given up after some ten seconds, not after TCP's fifteen minutes.
#: Whoever wants other limits names them in the URL.
_SILENCE = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}


class SettingsError(Exception):
    """A setting is missing or wrong; the text says which and how to mend it."""


class Settings(BaseSettings):
    """Each field is the environment variable ANHU_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="ANHU_", frozen=True, extra="ignore")

    database_url: str = Field(
        default="", description="PostgreSQL 15 to 18, as postgresql://user:password@host:port/name"
    )
    mqtt_url: str = Field(
        default="mqtt://127.0.0.1:1883",
        description="the broker, as mqtt://user:password@host:port or mqtts://…",
    )
    mqtt_ca_file: Path | None = Field(
        default=None, description="certificate authority for mqtts://, when not the system's"
    )
    bridge_name: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9._-]{1,64})?$",
        description="how `anhu bridge …` is called in /readyz; without it by what it is, its host and its port",
    )
    sources_file: Path | None = Field(
        default=None, description="where devices of other makers come in, as TOML; see docs/devices.md"
    )
    http_host: str = Field(default="127.0.0.1", description="address that `anhu api` listens on")
    http_port: int = Field(default=8000, ge=1, le=65535, description="port that `anhu api` listens on")
    secret_key: SecretStr = Field(
        default=SecretStr(""),
        description="signs access tokens, and links in messages; at least 32 characters, the same for every api"
        " and alerts",
    )
    data_keys: SecretStr = Field(
        default=SecretStr(""),
        description="seals identity and telephone numbers and channels in the database; name:key,name:key, the one in"
        " use first; `anhu data-key` makes one",
    )
    access_token_seconds: int = Field(default=900, ge=10, description="life of an access token")
    session_days: int = Field(default=30, ge=1, description="a sign-in ends after so many days without use")
    sign_in_failures: int = Field(
        default=5, ge=1, description="wrong passwords for one account from one address before 429"
    )
    sign_in_window_seconds: int = Field(default=300, ge=1, description="the time in which they are counted")
    second_factor_required: bool = Field(
        default=False, description="administrators reach nothing but their own account until they have a second factor"
    )
    oidc_issuer: str = Field(
        default="", description="an OpenID Connect provider that people may sign in by; see docs/signing-in.md"
    )
    oidc_client_id: str = Field(default="", description="as what the provider knows this system")
    oidc_client_secret: SecretStr = Field(
        default=SecretStr(""), description="of a confidential client; a public one has none, and PKCE alone"
    )
    oidc_name: str = Field(
        default="统一身份认证", min_length=1, max_length=40, description="what the button of the sign-in page says"
    )
    oidc_match: Literal["", "email", "preferred_username"] = Field(
        default="",
        description="a first sign-in finds the account whose user name is this claim; else administrators bind people",
    )
    trusted_proxies: str = Field(
        default="", description="addresses, comma-separated, whose X-Forwarded-For is believed; none by default"
    )
    public_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s]+)?$",
        description="where people's telephones reach `anhu api`, as https://…: for the links in messages",
    )
    channels_may_be_local: bool = Field(
        default=False,
        description="channels that people give may lead to private addresses and to this machine: for tests",
    )
    vapid_private_key: SecretStr = Field(
        default=SecretStr(""), description="key of Web Push, PEM or base64url; else one is made and kept"
    )
    push_contact: str = Field(
        default="",
        pattern=r"^((mailto:|https://).+)?$",
        description="whom push services write to, as mailto:… or https://…; else the public URL",
    )
    sms_url: SecretStr = Field(
        default=SecretStr(""),
        description="a gateway of SMS, as an Apprise address with {to} where the number goes; see"
        " docs/reaching-people.md",
    )
    voice_url: SecretStr = Field(
        default=SecretStr(""), description="the same of a gateway that calls and speaks, tried after the SMS"
    )
    mail_url: SecretStr = Field(
        default=SecretStr(""), description="the same of a mail server, as mailtos://user:password@server?to={to}"
    )
    map_tiles: str = Field(
        default="",
        pattern=r"^(|tianditu|amap|osm|https?://[^\s\"<>;,']+)$",
        description="tiles below the map: tianditu, amap, osm, or a URL with {z}, {x} and {y}; none by default",
    )
    map_key: SecretStr = Field(
        default=SecretStr(""), description="the browser key that 天地图 gives out; every browser gets it"
    )
    map_datum: Literal["wgs84", "gcj02"] = Field(
        default="wgs84", description="of a URL of one's own; gcj02 for maps that are shifted as 高德's"
    )
    map_attribution: str = Field(default="", description="whose map a URL of one's own shows")
    circle_metres: int = Field(
        default=1000, ge=100, le=50_000, description="how far a station's 一刻钟 circle goes: 15 minutes on foot"
    )
    web_dir: Path | None = Field(default=None, description="the built browser app, when not the packaged one")
    home_assistant_prefix: str = Field(
        default="homeassistant",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="discovery prefix of the Home Assistant that `anhu homeassistant` announces devices to",
    )
    home_assistant_organization: UUID | None = Field(
        default=None, description="announces the devices of this organisation and all below it; else all there are"
    )
    home_assistant_personal: bool = Field(
        default=False,
        description="also elders' names, and while an alert is unresolved where they are; no vital signs in any case",
    )
    watch_url: str = Field(
        default="", description="where `anhu watch` reaches an api, when not at ANHU_HTTP_HOST and ANHU_HTTP_PORT"
    )
    watch_probe_seconds: float = Field(
        default=180, ge=0, description="each station has a synthetic press so often (docs/watch.md); 0: none"
    )
    watch_audit_seconds: float = Field(default=3, ge=0.5, description="the audit looks so often")
    audit_webhook: str = Field(
        default="", description="the audit's findings are posted here as JSON, by no queue and no broker of ours"
    )
    audit_command: str = Field(
        default="", description="the audit's findings are given to this command, as JSON on its standard input"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="least level logged")
    log_format: Literal["text", "json"] = Field(default="text", description="one line of text, or of JSON, an entry")

    @property
    def public_address(self) -> str:
        """Without a slash at its end. What is not set is this machine: good for a demo, and for nobody's telephone."""
        return self.public_url.rstrip("/") or f"http://127.0.0.1:{self.http_port}"

    @property
    def has_oidc(self) -> bool:
        return bool(self.oidc_issuer and self.oidc_client_id)

    @property
    def push_contact_address(self) -> str:
        if self.push_contact:
            return self.push_contact
        return self.public_url if self.public_url.startswith("https://") else "mailto:anhu@localhost.invalid"

    @field_validator("database_url")
    @classmethod
    def _postgres(cls, value: str) -> str:
        if not value:
            return value
        if not value.startswith(("postgresql://", "postgres://")):
            raise ValueError("must begin with postgresql://")
        named = {name for name, _ in parse_qsl(value.partition("?")[2], keep_blank_values=True)}
        limits = {name: limit for name, limit in _SILENCE.items() if name not in named}
        return f"{value}{'&' if '?' in value else '?'}{urlencode(limits)}" if limits else value

    @property
    def gateways(self) -> Mapping[str, str]:
        """The address of each that is set."""
        urls = {"sms": self.sms_url, "voice": self.voice_url, "mail": self.mail_url}
        return {name: url.get_secret_value() for name, url in urls.items() if url.get_secret_value()}

    @field_validator("sms_url", "voice_url", "mail_url")
    @classmethod
    def _gateway(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if url and ("://" not in url or "{to}" not in url):
            raise ValueError("must be an Apprise address with {to} where the number or the address goes")
        return value

    @field_validator("watch_url", "audit_webhook")
    @classmethod
    def _http(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/") if value.count("/") == 3 else value

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer(cls, value: str) -> str:
        # Elsewhere than on this machine, whoever is between would say who somebody is.
        if value and not value.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise ValueError("must begin with https://")
        return value

    @field_validator("mqtt_url")
    @classmethod
    def _mqtt(cls, value: str) -> str:
        if not value.startswith(("mqtt://", "mqtts://")):
            raise ValueError("must begin with mqtt:// or mqtts://")
        return value


def load(*, needs_secret: bool = False, needs_database: bool = True) -> Settings:
    """Reads the environment. Raises SettingsError with one sentence for each wrong setting."""
    try:
        settings = Settings()
    except ValidationError as error:
        wrong = "; ".join(f"ANHU_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"wrong settings in the environment: {wrong}") from None
    if needs_database and not settings.database_url:
        raise SettingsError(
            "ANHU_DATABASE_URL is not set: name a PostgreSQL database (postgresql://user:password@host/name),"
            " or run `anhu demo`, which brings its own"
        )
    if needs_secret and len(settings.secret_key.get_secret_value()) < 32:
        raise SettingsError(
            "ANHU_SECRET_KEY must have at least 32 characters, the same for every api process;"
            " `python -c 'import secrets; print(secrets.token_urlsafe(48))'` makes one"
        )
    return settings


def described() -> list[tuple[str, str, str]]:
    """(variable, default, what it is) of every setting, for --help and the README."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.default
        if isinstance(default, SecretStr) or default in ("", None):
            default = "–"
        rows.append((f"ANHU_{name.upper()}", str(default), field.description or ""))
    return rows
