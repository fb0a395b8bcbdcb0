"""Settings of `anhu bridge cloud`, from the environment alone; its --help lists them from here."""

from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.runtime.settings import SettingsError

Cloud = Literal["alink", "iotda", "onenet", "ctwing", "tuya"]
CLOUDS: tuple[Cloud, ...] = ("alink", "iotda", "onenet", "ctwing", "tuya")
#: Shorter ones can be guessed: an address on the open internet is tried all day.
LEAST_SECRET = 16
#: AES-128: the key of OneNET's safe mode.
BLOCK_BYTES = 16


def _secret(cloud: str) -> SecretStr:
    told = f"the last part of the address that {cloud} pushes to, /{cloud}/SECRET: at least 16 characters"
    return Field(default=SecretStr(""), description=f"{told}; without it there is no such address")


def _template(cloud: str) -> str:
    return Field(default=f"{cloud}-{{id}}", description=f"device_id of what {cloud} calls {{id}}")


class CloudSettings(BaseSettings):
    """Each field is the environment variable ANHU_CLOUD_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="ANHU_CLOUD_", frozen=True, extra="ignore")

    http_host: str = Field(default="127.0.0.1", description="address that it listens on; TLS is the proxy's before it")
    http_port: int = Field(default=8010, ge=1, le=65535, description="port that it listens on")
    answer_seconds: float = Field(
        default=4.0, ge=0.1, le=14, description="a push whose events are not stored by then is answered 503"
    )
    onenet_token: SecretStr = Field(
        default=SecretStr(""), description="the Token of the OneNET push that comes to /onenet; without it none does"
    )
    onenet_key: SecretStr = Field(
        default=SecretStr(""),
        description="the 16 characters that OneNET's console shows as the key of that push in 安全模式; without it"
        " encrypted bodies are refused, and OneNET pushes them again",
    )
    alink_secret: SecretStr = _secret("alink")
    iotda_secret: SecretStr = _secret("iotda")
    ctwing_secret: SecretStr = _secret("ctwing")
    tuya_secret: SecretStr = _secret("tuya")
    alink_device_id: str = _template("alink")
    iotda_device_id: str = _template("iotda")
    onenet_device_id: str = _template("onenet")
    ctwing_device_id: str = _template("ctwing")
    tuya_device_id: str = _template("tuya")

    @field_validator(*(f"{cloud}_secret" for cloud in CLOUDS if cloud != "onenet"))
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and len(value.get_secret_value()) < LEAST_SECRET:
            raise ValueError(f"must have at least {LEAST_SECRET} characters")
        return value

    @field_validator("onenet_key")
    @classmethod
    def _a_key(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and len(value.get_secret_value().encode()) != BLOCK_BYTES:
            raise ValueError(f"must be the {BLOCK_BYTES} characters that the console shows")
        return value

    @field_validator(*(f"{cloud}_device_id" for cloud in CLOUDS))
    @classmethod
    def _names_one(cls, value: str) -> str:
        if "{id}" not in value:
            raise ValueError("needs {id}, or all devices would be one")
        return value

    def secret(self, cloud: Cloud) -> str:
        """What proves a push of this cloud; empty where it is not wanted."""
        field: SecretStr = self.onenet_token if cloud == "onenet" else getattr(self, f"{cloud}_secret")
        return field.get_secret_value()

    def device_id(self, cloud: Cloud, hardware_id: str | None) -> str:
        """The native id; of a message that names no device: that of one called `unknown`."""
        # Not above: the command line loads these settings for its --help, and nothing else of a gateway.
        from gateway.bridges.native_json import device_id

        return device_id(getattr(self, f"{cloud}_device_id"), hardware_id or "unknown")


def load() -> CloudSettings:
    """Reads the environment. Raises SettingsError with one sentence for each wrong setting."""
    try:
        settings = CloudSettings()
    except ValidationError as error:
        wrong = "; ".join(f"ANHU_CLOUD_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"wrong settings in the environment: {wrong}") from None
    if not any(settings.secret(cloud) for cloud in CLOUDS):
        names = ", ".join(f"ANHU_CLOUD_{cloud.upper()}_SECRET" for cloud in CLOUDS if cloud != "onenet")
        raise SettingsError(f"no cloud may push: set ANHU_CLOUD_ONENET_TOKEN, or one of {names}")
    return settings


def described() -> list[tuple[str, str, str]]:
    """(variable, default, what it is) of every setting."""
    rows = []
    for name, field in CloudSettings.model_fields.items():
        default = "–" if isinstance(field.default, SecretStr) else str(field.default)
        rows.append((f"ANHU_CLOUD_{name.upper()}", default, field.description or ""))
    return rows
