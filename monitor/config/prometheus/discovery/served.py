"""Discovery that we serve: given, in files, by a web service, in DNS, by Docker."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from monitor.config.golang.kinds import Flag, Reading, Span, Text, Whole, url_mistake
from monitor.config.golang.structs import ListOf, MapOf, Struct, Values, need
from monitor.config.prometheus.discovery.shapes import asking, every, filters, plain, web_address
from monitor.model.labels import quote
from monitor.model.surrogates import is_whole
from monitor.model.times import MINUTE

_FILE: Final = re.compile(r"[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)")
_RECORDS: Final = ("SRV", "A", "AAAA", "MX", "NS")


def valid_labels(values: Values, reading: Reading) -> None:
    """Names and values of labels are UTF-8, and a name is not empty."""
    for name in values.mapping("labels"):
        if not name or not is_whole(name):
            text = f"{go_quote(name)} is not a valid label name"
            reading.refuse(values.at("labels", name), text, "write a text of UTF-8")


def go_quote(text: str) -> str:
    """Quoted as Go does; bytes that are no UTF-8 (lone surrogates here) as `\\xff`."""
    parts = re.split("([\udc80-\udcff])", text)
    shown = (f"\\x{ord(part) & 0xFF:02x}" if place % 2 else quote(part)[1:-1] for place, part in enumerate(parts))
    return '"' + "".join(shown) + '"'


def _files(values: Values, reading: Reading) -> None:
    if not values.texts("files"):
        text = "file service discovery config must contain at least one path name"
        reading.refuse(values.at("files"), text, "set files")
    for place, name in enumerate(values.texts("files")):
        if not _FILE.fullmatch(name):
            text = f"path name {quote(name)} is not valid for file discovery"
            remedy = "it ends in .json, .yml or .yaml, and only its last part may hold one *"
            reading.refuse(values.at("files", place), text, remedy)


def _records(values: Values, reading: Reading) -> None:
    if not values.texts("names"):
        reading.refuse(values.at("names"), "DNS-SD config must contain at least one SRV record name", "set names")
    kind = values.text("type").upper()
    if kind not in _RECORDS:
        text = f"invalid DNS-SD records type {values.text('type')}"
        reading.refuse(values.at("type"), text, "SRV, A, AAAA, MX or NS")
    elif kind != "SRV" and not values.whole("port"):
        text = "a port is required in DNS-SD configs for all record types except SRV"
        reading.refuse(values.path, text, "set port")


def docker_host(values: Values, reading: Reading) -> None:
    """Where the Docker daemon listens."""
    wrong = url_mistake(values.text("host"))
    if wrong:
        reading.refuse(values.at("host"), wrong, "write unix:///var/run/docker.sock or tcp://host:port")


STATIC: Final = Struct(
    title="Static targets",
    about="Addresses with common labels.",
    go='struct { Targets []string "yaml:\\"targets\\""; Labels model.LabelSet "yaml:\\"labels\\"" }',
    keys={
        "targets": ListOf(about="host:port."),
        "labels": MapOf(about="Added to every series of these targets."),
    },
    rules=(valid_labels,),
)
STRUCTS: Final[Mapping[str, Struct]] = {
    "static": STATIC,
    "file_sd": plain(
        "file",
        {
            "files": ListOf(about="JSON or YAML; the last part of a path may hold `*`."),
            "refresh_interval": Span(
                default=5 * MINUTE, about="How often at least the files are read; changes are seen within seconds."
            ),
        },
        _files,
    ),
    "http_sd": asking("http", {"url": Text(), "refresh_interval": every(60)}, web_address("url", "URL is missing")),
    "dns_sd": plain(
        "dns",
        {
            "names": ListOf(),
            "refresh_interval": every(30),
            "type": Text(default="SRV", allowed=_RECORDS, about="SRV, A, AAAA, MX or NS."),
            "port": Whole(about="Of every target; SRV records bring theirs."),
        },
        _records,
    ),
    "docker_sd": asking(
        "moby",
        {
            "host": Text(about="Where the Docker daemon listens: `unix:///var/run/docker.sock` or `tcp://host:port`."),
            "port": Whole(default=80, about="Of containers that expose none."),
            "filters": filters("moby", "Filter"),
            "host_networking_host": Text(default="localhost", about="The address of containers in the host's network."),
            "refresh_interval": every(60),
            "match_first_network": Flag(default=True, about="Of a container in several networks only the first."),
        },
        need("host", "host missing"),
        docker_host,
    ),
}
