"""From what was read of `remote_write` to what the daemon runs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from monitor.config.configuration import RemoteReceiver
from monitor.config.prometheus.jobs import client_of
from monitor.config.prometheus.kinds import Reading
from monitor.config.prometheus.relabeling import relabeling
from monitor.config.prometheus.structs import Values
from monitor.model.labels import Labels
from monitor.model.times import SECOND
from monitor.remote.options import RemoteWrite

_UNSERVED: Final = ("azuread", "google_iam", "oauth2", "round_robin_dns", "send_native_histograms", "sigv4")
_ONE_CONNECTION: Final = ("max_shards", "min_shards")
_FIRST: Final = "prometheus.WriteRequest"


def receivers_of(sections: Sequence[Values], reading: Reading, external: Labels) -> tuple[RemoteReceiver, ...]:
    """The receivers that are right; what is wrong, or not served, is told."""
    found: dict[str, RemoteReceiver] = {}
    for section in sections:
        if section.broken:
            continue
        url = section.text("url")
        if urlsplit(url).scheme not in ("http", "https"):
            # Prometheus loads such a file, and fails at every request
            reading.doubt(section.at("url"), f'nothing is sent: "{url}" is no URL to send to', "write http://host/path")
            continue
        made = _receiver(section, reading, external)
        if made.options.name in found:
            text = f'found multiple remote write configs with job name "{made.options.name}"'
            reading.refuse(section.path, text, "give each a name of its own")
        found[made.options.name] = made
    return tuple(found.values())


def _receiver(section: Values, reading: Reading, external: Labels) -> RemoteReceiver:
    for key in _UNSERVED:
        if key in section.given:
            reading.doubt(section.at(key), "is known but not served yet")
    if section.text("protobuf_message") != _FIRST:
        reading.doubt(section.at("protobuf_message"), "is known but not served yet", "version 1 is sent")
    url = section.text("url")
    client = client_of(section, reading)
    options = RemoteWrite(
        name=section.text("name") or hashlib.sha256(url.encode()).hexdigest()[:6],
        url=url,
        timeout=section.whole("remote_timeout"),
        external_labels=external,
        relabel=relabeling(section, "write_relabel_configs", reading),
        exemplars=section.flag("send_exemplars"),
    )
    return RemoteReceiver(
        options=_told(_queued(options, section, reading), section),
        client=replace(client, headers=(*client.headers, *section.pairs("headers").items())),
    )


def _queued(options: RemoteWrite, section: Values, reading: Reading) -> RemoteWrite:
    queue = section.one("queue_config")
    if queue is None:
        return options
    for key in _ONE_CONNECTION:
        if key in queue.given:
            reading.doubt(queue.at(key), "is known but not served yet", "samples are sent over one connection")
    return replace(
        options,
        capacity=queue.whole("capacity"),
        samples_per_send=queue.whole("max_samples_per_send"),
        deadline=max(queue.whole("batch_send_deadline"), 1),
        min_backoff=max(queue.whole("min_backoff"), 1),
        max_backoff=max(queue.whole("max_backoff"), 1),
        retry_429=queue.flag("retry_on_http_429"),
        age_limit=queue.whole("sample_age_limit"),
    )


def _told(options: RemoteWrite, section: Values) -> RemoteWrite:
    metadata = section.one("metadata_config")
    if metadata is None:
        return options
    return replace(
        options,
        metadata=metadata.flag("send"),
        metadata_interval=max(metadata.whole("send_interval"), SECOND),
        metadata_per_send=max(metadata.whole("max_samples_per_send"), 1),
    )
