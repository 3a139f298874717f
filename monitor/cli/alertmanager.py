"""`watchkeeper alertmanager`: the daemon in Alertmanager's place, started as that is started.

The flags, their defaults and what they mean are Alertmanager's, so that a unit file, a chart or a container needs another
program's name and nothing else. What of them has no effect here is accepted and said once: a start must not fail for
gossip's timeouts, and nobody should believe that two of us gossip.

As with `run`, little is imported until the reading of the configuration has begun.
"""

from __future__ import annotations

import argparse
import gc
import re
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from monitor.cli.exits import TABLE
from monitor.cli.usage import Parser
from monitor.model.times import Millis, parse_duration

if TYPE_CHECKING:
    from monitor.config.overrides import AlertmanagerFlags

_DESCRIPTION: Final = """Serve an Alertmanager configuration in Alertmanager's place: same flags, same file, same API. Nothing but what
the file says: no checks, no rules, no policies. Alerts, silences and what was told to whom are kept in the storage path."""

_SPANS: Final = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6}
_SPAN: Final = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_LEVELS: Final = {"debug": "debug", "info": "info", "warn": "warning", "error": "error"}

_GOSSIP: Final = {
    "listen-address": "0.0.0.0:9094",
    "advertise-address": "",
    "peer-timeout": "15s",
    "gossip-interval": "200ms",
    "pushpull-interval": "1m0s",
    "tcp-timeout": "10s",
    "probe-timeout": "500ms",
    "probe-interval": "1s",
    "settle-timeout": "1m0s",
    "reconnect-interval": "10s",
    "reconnect-timeout": "6h0m0s",
    "tls-config": "",
    "label": "",
    "peer-name": "",
}
_WITHOUT_EFFECT: Final = {
    "data.maintenance-interval": "15m",
    "alerts.gc-interval": "30m",
    "dispatch.maintenance-interval": "30s",
    "auto-gomemlimit.ratio": "0.9",
}
"""How often Alertmanager tidies up what is tidied here when it is due."""

_FEATURES: Final = {
    "classic-mode": "",
    "utf8-strict-mode": "",
    "receiver-name-in-metrics": "notifications are counted by integration only",
    "alert-names-in-metrics": "alerts are not counted by name",
    "group-key-in-metrics": "groups are not counted by key",
    "auto-gomemlimit": "there is no Go here whose memory could be limited",
    "event-recorder": "events are not recorded; `watchkeeper audit` tells who changed what",
}
"""What can be enabled, and why that has no effect where it has none."""


def alertmanager(arguments: Sequence[str]) -> int:
    """Run in Alertmanager's place until SIGINT or SIGTERM; the exit code."""
    flags = flags_of(arguments)
    # Until the daemon listens for it: what is being read now is new already, and a sidecar that reloads must not kill.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # Importing makes much that stays and no garbage. The daemon sets the collector up when it stands.
    gc.disable()
    from monitor.config.overrides import Overrides
    from monitor.config.reading import Reading

    overrides = Overrides(alertmanager=flags)
    reading = Reading.of(overrides)

    # What follows is imported while the configuration is read.
    from monitor.cli.run import run_until_stopped

    return run_until_stopped(overrides, reading, print_line=_say)


def flags_of(arguments: Sequence[str]) -> AlertmanagerFlags:
    """What the flags say. Leaves the process with code 2 for those that cannot be understood."""
    from monitor.config.overrides import AlertmanagerFlags

    parser = _parser()
    given = vars(parser.parse_args(arguments))
    features = [name for text in given["enable-feature"] for name in text.split(",") if name]
    unknown = [name for name in features if name not in _FEATURES]
    if unknown:
        parser.error(f'--enable-feature: "{unknown[0]}" is not known: one of {", ".join(sorted(_FEATURES))}')
    if {"classic-mode", "utf8-strict-mode"} <= set(features):
        parser.error("--enable-feature: classic-mode and utf8-strict-mode exclude each other: leave one of them out")
    return AlertmanagerFlags(
        config_file=given["config.file"],
        storage=given["storage.path"],
        retention=given["data.retention"],
        listen=tuple(given["web.listen-address"] or [("", 9093)]),
        external_url=given["web.external-url"],
        route_prefix=given["web.route-prefix"],
        web_config_file=given["web.config.file"],
        get_concurrency=given["web.get-concurrency"],
        web_timeout=given["web.timeout"],
        max_silences=given["silences.max-silences"],
        max_silence_size=given["silences.max-silence-size-bytes"],
        alerts_per_name=given["alerts.per-alertname-limit"],
        start_delay=given["dispatch.start-delay"],
        log_level=given["log.level"],
        log_form=given["log.format"],
        syntax="classic" if "classic-mode" in features else "utf8" if "utf8-strict-mode" in features else "fallback",
        gossips=bool(given["cluster.listen-address"]),
        unserved=tuple(_unserved(given, features)),
    )


def _unserved(given: dict[str, Any], features: Sequence[str]) -> list[str]:
    found: list[str] = []
    if given["cluster.peer"]:
        found.append(
            "--cluster.peer: instances do not gossip, so each of them notifies for itself and keeps its own silences: "
            "run one, or send alerts to one at a time"
        )
    found += [f"--enable-feature={name}: {_FEATURES[name]}" for name in dict.fromkeys(features) if _FEATURES[name]]
    if given["web.systemd-socket"]:
        found.append("--web.systemd-socket: sockets of systemd are not taken over; --web.listen-address is used")
    return found


def _parser() -> Parser:
    parser = Parser(prog="watchkeeper alertmanager", description=_DESCRIPTION, epilog=TABLE, allow_abbrev=False)

    def text(name: str, about: str, default: str = "") -> None:
        parser.add_argument(f"--{name}", dest=name, default=default, metavar="TEXT", help=about)

    def span(name: str, about: str, default: str) -> None:
        parser.add_argument(f"--{name}", dest=name, default=_span(default), type=_span, metavar="DURATION", help=about)

    def whole(name: str, about: str, default: int = 0) -> None:
        parser.add_argument(f"--{name}", dest=name, default=default, type=int, metavar="N", help=about)

    text("config.file", "Alertmanager's configuration file.", "alertmanager.yml")
    text("storage.path", "The data folder.", "data/")
    span("data.retention", "How long ended silences and what was told to whom are kept.", "120h")
    whole("silences.max-silences", "Most silences, ended ones included; 0 is no limit.")
    whole("silences.max-silence-size-bytes", "Most bytes of a silence; 0 is no limit.")
    parser.add_argument(
        "--log.silences",
        dest="log.silences",
        action="store_true",
        help="Accepted: who made which silence is in the audit.",
    )
    whole("alerts.per-alertname-limit", "Most alerts with the same alertname; 0 is no limit.")
    span("dispatch.start-delay", "How long after the start the first groups are told.", "0s")
    parser.add_argument(
        "--web.listen-address",
        dest="web.listen-address",
        action="append",
        type=_address,
        metavar="[HOST]:PORT",
        help=":9093 by default; may be given several times.",
    )
    parser.add_argument(
        "--web.systemd-socket", dest="web.systemd-socket", action="store_true", help="Accepted, without effect."
    )
    text("web.config.file", "TLS, users, headers and limits of the server.")
    text("web.external-url", "Where people reach this instance; links begin with it.")
    parser.add_argument(
        "--web.route-prefix",
        dest="web.route-prefix",
        default=None,
        metavar="TEXT",
        help="What all paths begin with; by default the path of the external URL.",
    )
    whole("web.get-concurrency", "Most GET requests at once; 0 fits the machine.")
    span("web.timeout", "How long a request may take; 0 is no limit.", "0s")
    parser.add_argument(
        "--cluster.peer", dest="cluster.peer", action="append", metavar="HOST:PORT", help="Accepted, without effect."
    )
    for name, default in _GOSSIP.items():
        text(
            f"cluster.{name}",
            "Accepted, without effect." if name != "listen-address" else "Empty: no cluster.",
            default,
        )
    for name, default in _WITHOUT_EFFECT.items():
        text(name, "Accepted, without effect.", default)
    parser.add_argument(
        "--cluster.allow-insecure-public-advertise-address-discovery",
        dest="cluster.insecure",
        action="store_true",
        help="Accepted, without effect.",
    )
    parser.add_argument(
        "--enable-feature",
        dest="enable-feature",
        action="append",
        default=[],
        metavar="NAMES",
        help=", ".join(_FEATURES),
    )
    parser.add_argument(
        "--log.level",
        dest="log.level",
        default="info",
        type=_level,
        metavar="LEVEL",
        help="debug, info, warn or error.",
    )
    parser.add_argument(
        "--log.format", dest="log.format", default="logfmt", choices=("logfmt", "json"), help="logfmt or json."
    )
    parser.add_argument("--version", action="version", version=_version())
    return parser


def _span(text: str) -> Millis:
    """A duration as Go writes it (`1.5h`, `2m0s`), or as Prometheus does (`5d`). Raises ArgumentTypeError."""
    if text == "0":
        return 0
    parts = _SPAN.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        millis = sum(float(number) * _SPANS[unit] for number, unit in parts)
        if 0 < millis < 1:
            raise argparse.ArgumentTypeError(f"{text} is shorter than a millisecond: write 1ms or more, or 0")
        return round(millis)
    try:
        return parse_duration(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{text}" is no duration: write 30s or 1h30m') from None


def _address(text: str) -> tuple[str, int]:
    """Host and port. Raises ArgumentTypeError."""
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit() and len(port) <= 5) or int(port) > 65535:
        raise argparse.ArgumentTypeError(f'"{text}" is no address to listen at: write host:port or :port')
    return host, int(port)


def _level(text: str) -> str:
    """One of ours. Raises ArgumentTypeError."""
    if text not in _LEVELS:
        raise argparse.ArgumentTypeError(f'"{text}" is not known: one of {", ".join(_LEVELS)}')
    return _LEVELS[text]


def _version() -> str:
    from monitor import __version__

    return f"watchkeeper, version {__version__} (in place of alertmanager)"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
