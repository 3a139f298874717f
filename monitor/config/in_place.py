"""A configuration from Alertmanager's flags and file alone, for `watchkeeper alertmanager`.

Whoever replaces Alertmanager has said everything with these two. So there are no checks, no rules and no policies; neither
our own file nor our environment variables are read; and what cannot be delivered is told to nobody else.
"""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Final
from urllib.parse import urlsplit

from monitor.alerts.silences import SilenceLimits
from monitor.config.alertmanager_file import read_whole
from monitor.config.configuration import (
    CONSOLE,
    AlertLimits,
    Configuration,
    HostSettings,
    Listen,
    LogSettings,
    Paging,
    QuerySettings,
    Storage,
)
from monitor.config.credential_files import doubt_missing
from monitor.config.document import ConfigurationSection
from monitor.config.environment import Environment
from monitor.config.findings import Findings
from monitor.config.overrides import AlertmanagerFlags
from monitor.config.routing import read_paging
from monitor.config.web_file import WebFile, read_web_file
from monitor.config.yamltree import read
from monitor.matching.parse import Syntax
from monitor.model.errors import ConfigError, Finding
from monitor.model.labels import EMPTY
from monitor.model.times import HOUR
from monitor.rules.leaving import AS_THEY_ARE

_FLAGS: Final = "command line"


def load_in_place(flags: AlertmanagerFlags) -> Configuration:
    """The whole configuration. Raises ConfigError with every finding."""
    findings = Findings()
    paging = _paging(flags, findings)
    web_file = read_web_file(flags.web_config_file, findings) if flags.web_config_file else None
    listen = _listen(flags, web_file, findings)
    folder = FilePath(flags.storage)
    if findings.errors or paging is None or listen is None:
        raise findings.error()
    for sentence in flags.unserved:
        findings.all.append(Finding(file=_FLAGS, line=0, path="", problem=sentence, warning=True))
    return Configuration(
        file=flags.config_file,
        environment="",
        external_url=_external_url(flags, listen),
        leaving=AS_THEY_ARE,
        external_labels=EMPTY,
        prometheus_yaml="",
        checks=(),
        jobs=(),
        groups=(),
        query_engine=None,
        remote_writes=(),
        paging=paging,
        replica_labels=frozenset(),
        storage=Storage(
            folder=folder,
            database=folder / "state.db",
            retention=HOUR,
            retention_size=0,
            out_of_order_time_window=0,
            history=flags.retention,
            remote_write_queue=0,
        ),
        listen=listen,
        log=LogSettings(form=flags.log_form, level=flags.log_level),
        host=HostSettings(enabled=False, interval=HOUR),
        queries=QuerySettings(),
        vendor_ca_file="",
        warnings=tuple(findings.warnings),
        limits=AlertLimits(
            silences=SilenceLimits(silences=flags.max_silences, size=flags.max_silence_size, retention=flags.retention),
            alerts_per_name=flags.alerts_per_name,
            retention=flags.retention,
            start_delay=flags.start_delay,
        ),
    )


def _paging(flags: AlertmanagerFlags, findings: Findings) -> Paging | None:
    name = flags.config_file
    try:
        document = read(FilePath(name).read_text(encoding="utf-8"), name)
    except ConfigError as error:
        findings.include(error)
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or "") if isinstance(error, OSError) else str(error)
        problem, remedy = f"cannot be read: {reason}", "name Alertmanager's file with --config.file"
        original = f"open {name}: {reason.lower()}"
        findings.all.append(Finding(file=name, line=0, path="", problem=problem, remedy=remedy, original=original))
        return None
    base = FilePath(name).parent

    def locate(path: str) -> str:
        return str(base / path) if path else ""

    doubt_missing(document, document.tree, findings, locate)
    whole = read_whole(document, document.tree, (), findings, locate, Syntax(flags.syntax))
    if whole is None:
        return None
    ours = replace(document, tree={}, places={})
    bare = Environment.model_construct()
    paging = read_paging(ConfigurationSection(), whole[1], {}, bare, "", ours, findings, locate)
    return None if paging is None else replace(paging, book=paging.book.falling_back_to(CONSOLE))


def _listen(flags: AlertmanagerFlags, web_file: WebFile | None, findings: Findings) -> Listen | None:
    url = urlsplit(flags.external_url)
    if flags.external_url and (url.scheme not in ("http", "https") or not url.hostname):
        problem, remedy = f'"{flags.external_url}" is not an address', "write http://host/path"
        findings.all.append(Finding(file=_FLAGS, line=0, path="--web.external-url", problem=problem, remedy=remedy))
        return None
    prefix = url.path if flags.route_prefix is None else flags.route_prefix
    trimmed = prefix.strip("/")
    (host, port), *also = flags.listen
    return Listen(
        host=host,
        port=port,
        also=tuple(also),
        prefix=f"/{trimmed}" if trimmed else "",
        in_place=True,
        cluster=flags.gossips,
        most_gets=flags.get_concurrency,
        longest_get=flags.web_timeout,
        web_file=web_file,
    )


def _external_url(flags: AlertmanagerFlags, listen: Listen) -> str:
    """As Alertmanager: when none is given, this host's name with the first port."""
    if flags.external_url:
        return flags.external_url.rstrip("/")
    scheme = "https" if listen.web_file is not None and listen.web_file.tls is not None else "http"
    return f"{scheme}://{socket.gethostname()}:{listen.port}{listen.prefix}"
