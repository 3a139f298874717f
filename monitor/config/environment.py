"""Settings from the environment and from `.env`: where files are, and what a container wants to override.

They win over the configuration file. `DATABASE_URL` and `ENV` are understood as well, since platforms set them;
of databases only SQLite is served yet.
"""

from __future__ import annotations

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from monitor.config import prose


class Environment(BaseSettings):
    """Read once at the start and at each reload."""

    model_config = SettingsConfigDict(
        env_prefix="WATCHKEEPER_", env_file=".env", extra="ignore", use_attribute_docstrings=prose.wanted, frozen=True
    )

    config: str = ""
    """The configuration file; `watchkeeper.yml` in the working directory if it is there."""
    environment: str = Field(default="", validation_alias=AliasChoices("WATCHKEEPER_ENVIRONMENT", "ENV"))
    """Overrides `environment`."""
    external_url: str = ""
    """Overrides `external_url`."""
    data: str = ""
    """Overrides `storage.path`."""
    database_url: str = Field(default="", validation_alias=AliasChoices("WATCHKEEPER_DATABASE_URL", "DATABASE_URL"))
    """Overrides `storage.database`: a SQLite file as sqlite:///PATH. Any other database is not served yet: the embedded one
    is used, with a warning."""
    listen: str = ""
    """Overrides `web.listen`."""
    log_level: str = ""
    """Overrides `log.level`."""
    log_form: str = ""
    """Overrides `log.form`."""
    admin_token: SecretStr = SecretStr("")
    """A token with the role admin, beside those of `web.tokens`."""
    slack_webhook_url: SecretStr = SecretStr("")
    """Slack incoming webhook of the receiver `default`, where no Alertmanager configuration is given."""
    slack_bot_token: SecretStr = SecretStr("")
    """Overrides `slack.bot_token`."""
    pagerduty_routing_key: SecretStr = SecretStr("")
    """Routing key that the policy `default` pages, where no policy is given."""
