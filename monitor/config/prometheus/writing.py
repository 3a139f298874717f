"""From what was read of `remote_write` to what sends samples on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from monitor.config.configuration import RemoteReceiver
from monitor.config.golang.clients import client_of
from monitor.config.golang.kinds import Reading
from monitor.config.golang.structs import Struct, Values
from monitor.config.prometheus.relabeling import relabeling
from monitor.config.prometheus.remote import REMOTE_WRITE
from monitor.model.labels import Labels
from monitor.model.times import SECOND
from monitor.remote.options import RemoteWrite


def receivers_of(writes: Sequence[Values], external: Labels, reading: Reading) -> tuple[RemoteReceiver, ...]:
    """The receivers; what shows only now to be wrong with one is told."""
    found: list[RemoteReceiver] = []
    urls: set[str] = set()
    for write in writes:
        if write.broken:
            continue
        url = write.text("url")
        address = urlsplit(url)
        if address.scheme not in ("http", "https") or not address.hostname:
            # Prometheus takes it, and fails at each sending
            reading.doubt(write.at("url"), f'"{url}" is no URL to send to', "write http://host/path")
            continue
        if not write.text("name") and url in urls:
            text = f"duplicate remote write configs are not allowed, found duplicate for URL: {url}"
            reading.refuse(write.at("url"), text, "give each a name of its own")
        urls.add(url)
        found.append(_receiver(write, external, reading))
    return tuple(found)


def _receiver(write: Values, external: Labels, reading: Reading) -> RemoteReceiver:
    queue, metadata = _inside(write, "queue_config"), _inside(write, "metadata_config")
    client = client_of(write, reading)
    if write.text("protobuf_message") != REMOTE_WRITE.keys["protobuf_message"].empty:
        reading.doubt(write.at("protobuf_message"), "is known but not served yet", "version 1 is sent")
    return RemoteReceiver(
        options=RemoteWrite(
            name=write.text("name") or hashlib.sha256(write.text("url").encode()).hexdigest()[:6],
            url=write.text("url"),
            timeout=write.whole("remote_timeout"),
            external_labels=external,
            relabel=relabeling(write, "write_relabel_configs", reading),
            exemplars=write.flag("send_exemplars"),
            metadata=metadata.flag("send"),
            metadata_interval=max(metadata.whole("send_interval"), SECOND),
            metadata_per_send=max(metadata.whole("max_samples_per_send"), 1),
            capacity=queue.whole("capacity"),
            samples_per_send=queue.whole("max_samples_per_send"),
            deadline=max(queue.whole("batch_send_deadline"), 1),
            min_backoff=max(queue.whole("min_backoff"), 1),
            max_backoff=max(queue.whole("max_backoff"), queue.whole("min_backoff"), 1),
            retry_429=queue.flag("retry_on_http_429"),
            age_limit=queue.whole("sample_age_limit"),
        ),
        client=replace(client, headers=(*client.headers, *write.pairs("headers").items())),
    )


def _inside(write: Values, key: str) -> Values:
    """A structure below, with its defaults where it is not given."""
    found, struct = write.one(key), REMOTE_WRITE.keys[key]
    if found is not None:
        return found
    assert isinstance(struct, Struct)
    return struct.defaults(write.at(key))
