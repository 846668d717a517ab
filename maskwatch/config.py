"""One typed, validated configuration: a TOML file, then environment variables over it.

`MASKWATCH_WEB__PORT=9000` sets `[web] port`. Unknown keys are errors, so a misspelt one is noticed.
"""

import os
import tomllib
from pathlib import Path
from typing import Any, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from maskwatch.config_errors import ENV_PREFIX, explain, unknown_variables
from maskwatch.errors import ConfigError

DEFAULT_FILE = "maskwatch.toml"
OTHER_VARIABLES: Final = ("MASKWATCH_CONFIG", "MASKWATCH_ROLE")
"""Variables that are no settings: the file to read, and a process's name in the log."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")

LONGEST_KEPT_DAYS: Final = 36_500
"""A hundred years, which is for ever; much more would lie before the calendar's beginning."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SiteSettings(_Section):
    """The place that is watched."""

    name: str = "maskwatch"
    timezone: str = "UTC"

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder of zones
            raise ValueError(
                f"{value!r} is no time zone; use a name such as 'Europe/Paris' or 'UTC'"
            ) from error
        return value


class StorageSettings(_Section):
    """Where rows are kept. An empty url is a SQLite file in `data_dir`."""

    url: SecretStr = SecretStr("")


class RedisSettings(_Section):
    """Where frames and jobs travel. An empty url starts the embedded server on a Unix socket."""

    url: SecretStr = SecretStr("")
    jobs_url: SecretStr = SecretStr("")
    maxmemory_mb: int = Field(default=512, ge=64)


class IngestSettings(_Section):
    """How cameras are read."""

    fps: float = Field(default=5.0, gt=0, le=60)
    max_width: int = Field(default=1280, ge=320, le=7680)
    jpeg_quality: int = Field(default=85, ge=30, le=100)
    queue_frames: int = Field(default=3, ge=1, le=64)
    open_timeout_s: float = Field(default=10.0, gt=0, le=120)
    frame_timeout_s: float = Field(default=10.0, gt=0, le=300)
    backoff_min_s: float = Field(default=1.0, gt=0)
    backoff_max_s: float = Field(default=60.0, gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.backoff_min_s > self.backoff_max_s:
            raise ValueError(
                f"backoff_min_s = {self.backoff_min_s:g} must not be more than "
                f"backoff_max_s = {self.backoff_max_s:g}"
            )
        return self


class WorkerSettings(_Section):
    """How frames are analysed."""

    processes: int = Field(default=1, ge=1, le=64)
    device: Literal["cpu", "gpu"] = "cpu"
    threads: int = Field(default=0, ge=0, le=256, description="0: cores divided by processes")
    batch_frames: int = Field(default=8, ge=1, le=256)
    detector: str = "builtin"
    classifier: str = "builtin"
    min_score: float | None = Field(default=None, ge=0, le=1, description="None: the card's own")
    detect_long_side: int = Field(default=640, ge=320, le=1920)


class RecorderSettings(_Section):
    """How looks become passages."""

    hold_s: float = Field(
        default=1.5, gt=0, le=30, description="wait at least so long for a late result (live)"
    )
    lost_after_s: float = Field(default=1.5, gt=0, le=30)
    min_looks: int = Field(default=3, ge=1, le=100)


class WebSettings(_Section):
    """The pages and the HTTP API."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    password_hash: SecretStr = Field(
        default=SecretStr(""), description="from `maskwatch password`; needed off loopback"
    )
    secret_key: SecretStr = Field(default=SecretStr(""), description="empty: made once, kept")
    threads: int = Field(default=32, ge=4, le=512)


class ReportSettings(_Section):
    """When there is enough data to print a rate."""

    min_coverage: float = Field(default=0.5, ge=0, le=1)
    min_passages: int = Field(default=10, ge=1)


class RetentionSettings(_Section):
    """How long rows are kept, in days."""

    passages_days: int = Field(default=90, ge=1, le=LONGEST_KEPT_DAYS)
    minutes_days: int = Field(default=90, ge=1, le=LONGEST_KEPT_DAYS)
    footage_days: int = Field(default=7, ge=1, le=LONGEST_KEPT_DAYS)


class SeedCamera(_Section):
    """A camera that the file puts into the database where it is not there yet."""

    name: str
    url: str
    username: str = ""
    password: SecretStr = SecretStr("")
    fps: float | None = Field(default=None, gt=0, le=60)
    is_replay: bool = False
    loops: bool = False
    transport: Literal["tcp", "udp"] = "tcp"


class Settings(BaseSettings):
    """The whole configuration.

    Attributes:
        data_dir: Folder for the database, the embedded Redis, footage and keys.
        log_level: DEBUG, INFO, WARNING or ERROR.
    """

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    data_dir: Path = Path("maskwatch-data")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    site: SiteSettings = SiteSettings()
    storage: StorageSettings = StorageSettings()
    redis: RedisSettings = RedisSettings()
    ingest: IngestSettings = IngestSettings()
    workers: WorkerSettings = WorkerSettings()
    recorder: RecorderSettings = RecorderSettings()
    web: WebSettings = WebSettings()
    report: ReportSettings = ReportSettings()
    retention: RetentionSettings = RetentionSettings()
    cameras: tuple[SeedCamera, ...] = ()

    @field_validator("data_dir")
    @classmethod
    def _expanded(cls, value: Path) -> Path:
        return value.expanduser()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over the file (which arrives as the init arguments)."""
        return env_settings, init_settings

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL, with its password: never log it."""
        url = self.storage.url.get_secret_value()
        return url or f"sqlite:///{self.data_dir.absolute() / 'maskwatch.db'}"

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.site.timezone)

    def with_changes(self, **sections: Any) -> Self:
        """A copy with whole sections or top-level values replaced, for tests and flags."""
        return self.model_copy(update=sections)


def load_settings(path: Path | None = None) -> Settings:
    """Read the configuration.

    Args:
        path: The file; None takes `MASKWATCH_CONFIG`, else maskwatch.toml here if there is one,
            else the defaults.

    Raises:
        ConfigError: The file is missing or no TOML, or a key is unknown or its value unfit. The
            message names file, key, value (unless secret) and remedy.
    """
    if path is None and (named := os.environ.get("MASKWATCH_CONFIG")):
        path = Path(named)
    if path is None and Path(DEFAULT_FILE).is_file():
        path = Path(DEFAULT_FILE)
    content = _read(path) if path is not None else {}
    if unknown := unknown_variables(Settings, ignored=OTHER_VARIABLES):
        raise ConfigError("; ".join(unknown))
    try:
        settings = Settings(**content)
    except ValidationError as error:
        raise ConfigError(explain(error, Settings, path, content)) from error
    except SettingsError as error:
        raise ConfigError(
            f"an environment variable is no valid JSON ({error}); set single values instead, "
            f"for example {ENV_PREFIX}WEB__PORT=8080"
        ) from error
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError as error:
        raise ConfigError(
            f"configuration file {str(path)!r} does not exist; copy "
            "deploy/maskwatch.example.toml there or leave out --config"
        ) from error
    except OSError as error:
        raise ConfigError(
            f"configuration file {str(path)!r} cannot be read: {error.strerror}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"configuration file {str(path)!r} is no valid TOML: {error}") from error
