"""`remote_write` of a Prometheus file: where samples are sent on to. Source: prometheus config/config.go (RemoteWriteConfig)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import Field

from monitor.config.configuration import RemoteReceiver
from monitor.config.fields import AsList, AsMapping, Flag, Section, Span, Text, Whole
from monitor.config.findings import Findings
from monitor.config.http_client import HttpClientSection
from monitor.config.prometheus_file import RelabelSection, client_of, relabeling_of
from monitor.config.yamltree import Document, Path, Tree
from monitor.model.labels import Labels
from monitor.model.times import MINUTE, SECOND
from monitor.remote.options import RemoteWrite

_UNSERVED: Final = ("azuread", "google_iam", "round_robin_dns", "send_native_histograms", "sigv4")
_ONE_CONNECTION: Final = ("max_shards", "min_shards")
_MESSAGES: Final = ("prometheus.WriteRequest", "io.prometheus.write.v2.Request")
_RESERVED: Final = frozenset(
    {
        "authorization", "connection", "content-encoding", "content-length", "content-type", "host", "keep-alive",
        "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "www-authenticate",
        "x-prometheus-remote-write-version",
    }
)  # fmt: skip


class QueueSection(Section):
    """How samples wait and are sent."""

    capacity: Whole = 10_000
    """Samples that wait in memory while the disk is full."""
    max_shards: Whole | None = None
    """Known, not served: there is one connection, so that samples keep their order."""
    min_shards: Whole | None = None
    """Known, not served."""
    max_samples_per_send: Whole = 2_000
    """Samples in one request."""
    batch_send_deadline: Span = 5 * SECOND
    """A sample waits so long for others to go with it."""
    min_backoff: Span = 30
    """Before a first repetition; doubled up to max_backoff."""
    max_backoff: Span = 5 * SECOND
    """Between repetitions, unless the receiver says how long."""
    retry_on_http_429: Flag = True
    """Wait when the receiver has too much to do. Prometheus's default is false, which loses samples."""
    sample_age_limit: Span = 0
    """Older samples are dropped instead of sent."""


class MetadataSection(Section):
    """Types and help texts of metrics."""

    send: Flag = True
    send_interval: Span = MINUTE
    """How often."""
    max_samples_per_send: Whole = 2_000
    """Metrics in one request."""


class RemoteWriteSection(HttpClientSection):
    """A receiver of samples."""

    model_config = {**Section.model_config, "extra": "allow"}

    url: Text = ""
    """Such as https://mimir.example.com/api/v1/push."""
    name: Text = ""
    """In metrics and logs."""
    remote_timeout: Span = 30 * SECOND
    """How long a request may take."""
    headers: Annotated[dict[str, Text], AsMapping] = {}
    """Sent with each request."""
    write_relabel_configs: Annotated[list[RelabelSection], AsList] = []
    """Which samples are sent, and under which labels; after external labels were added."""
    send_exemplars: Flag = False
    protobuf_message: Text = _MESSAGES[0]
    queue_config: Annotated[QueueSection, AsMapping] = Field(default_factory=QueueSection)
    metadata_config: Annotated[MetadataSection, AsMapping] = Field(default_factory=MetadataSection)


def read_remote_writes(
    document: Document, tree: Tree, path: Path, findings: Findings, locate: Callable[[str], str], external: Labels
) -> tuple[RemoteReceiver, ...]:
    """The receivers that are right; the others are in the findings."""
    if not isinstance(tree, dict) or not isinstance(items := tree.get("remote_write"), list):
        return ()
    found: list[RemoteReceiver] = []
    names: set[str] = set()
    for place, item in enumerate(items):
        here = (*path, "remote_write", place)
        section = findings.validate(RemoteWriteSection, document, item, here)
        if section is None:
            continue
        made = _receiver(section, document, here, findings, locate, external)
        if made is None:
            continue
        if made.options.name in names:
            findings.wrong(
                document,
                (*here, "name"),
                f'found multiple remote write configs with job name "{made.options.name}"',
                "give each a name of its own",
            )
        names.add(made.options.name)
        found.append(made)
    return tuple(found)


def _receiver(
    section: RemoteWriteSection,
    document: Document,
    path: Path,
    findings: Findings,
    locate: Callable[[str], str],
    external: Labels,
) -> RemoteReceiver | None:
    before = len(findings.errors)
    _judge_keys(section, document, path, findings)
    address = urlsplit(section.url)
    if not section.url:
        findings.wrong(document, path, "url for remote_write is empty", "set url")
    elif address.scheme not in ("http", "https") or not address.hostname:
        findings.wrong(document, (*path, "url"), f'"{section.url}" is no URL to send to', "write http://host/path")
    for name in section.headers:
        if name.lower() in _RESERVED:
            problem = f"{name} is a reserved header. It must not be changed"
            findings.wrong(document, (*path, "headers", name), problem, "leave it out")
    queue = section.queue_config
    for key in ("max_samples_per_send", "batch_send_deadline", "min_backoff", "max_backoff", "capacity"):
        if getattr(queue, key) <= 0:
            findings.wrong(document, (*path, "queue_config", key), "must be more than nothing", "leave it out")
    relabel = relabeling_of(section.write_relabel_configs, document, (*path, "write_relabel_configs"), findings)
    if relabel is None or len(findings.errors) > before:
        return None
    client = client_of(section, locate)
    metadata = section.metadata_config
    return RemoteReceiver(
        options=RemoteWrite(
            name=section.name or hashlib.sha256(section.url.encode()).hexdigest()[:6],
            url=section.url,
            timeout=section.remote_timeout,
            external_labels=external,
            relabel=relabel,
            exemplars=section.send_exemplars,
            metadata=metadata.send,
            metadata_interval=max(metadata.send_interval, SECOND),
            metadata_per_send=max(metadata.max_samples_per_send, 1),
            capacity=queue.capacity,
            samples_per_send=queue.max_samples_per_send,
            deadline=queue.batch_send_deadline,
            min_backoff=queue.min_backoff,
            max_backoff=max(queue.max_backoff, queue.min_backoff),
            retry_429=queue.retry_on_http_429,
            age_limit=queue.sample_age_limit,
        ),
        client=replace(client, headers=(*client.headers, *section.headers.items())),
    )


def _judge_keys(section: RemoteWriteSection, document: Document, path: Path, findings: Findings) -> None:
    unserved: Sequence[str] = [
        *section.unserved(),
        *(f"queue_config.{key}" for key in _ONE_CONNECTION if getattr(section.queue_config, key) is not None),
    ]
    for key in unserved:
        findings.doubt(document, (*path, key), "is known but not served yet")
    for key in section.model_extra or {}:
        if key in _UNSERVED:
            findings.doubt(document, (*path, key), "is known but not served yet")
        else:
            findings.wrong(
                document,
                (*path, key),
                f'"{key}" is not a known key here',
                "see the reference of remote_write",
                original=f"field {key} not found in type config.RemoteWriteConfig",
            )
    message = section.protobuf_message
    if message not in _MESSAGES:
        findings.wrong(
            document,
            (*path, "protobuf_message"),
            f"unknown type for remote write protobuf message {message}, supported: {', '.join(_MESSAGES)}",
            f"write {_MESSAGES[0]}",
        )
    elif message != _MESSAGES[0]:
        findings.doubt(document, (*path, "protobuf_message"), "is known but not served yet", "version 1 is sent")
