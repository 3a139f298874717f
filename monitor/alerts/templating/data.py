"""What a notification template sees: Alertmanager's data under its names, types and order. Source: template/template.go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from monitor.gotemplate.moments import MILLISECOND, ZERO, Moment
from monitor.gotemplate.values import Function, Kind, Object, Value, sequence_of
from monitor.matching.regex import quote_meta
from monitor.model.labels import Labels
from monitor.model.notifications import Message, MessageKind
from monitor.model.times import Timestamp

_ALERTNAME: Final = "alertname"
TEXTS: Final = Kind(
    "[]string",
    lambda value: (found := sequence_of(value)) is not None and all(isinstance(each, str) for each in found),
    list,
)


class Texts(tuple[str, ...], Object):
    """A list of texts."""

    __slots__ = ()

    @property
    def go_type(self) -> str:
        return "[]string"

    def go_json(self) -> Value:
        return list(self)


@dataclass(frozen=True, slots=True)
class Pair(Object):
    """A label's name and value."""

    name: str
    value: str

    @property
    def go_type(self) -> str:
        return "template.Pair"

    def go_fields(self) -> Mapping[str, Value]:
        return {"Name": self.name, "Value": self.value}


class Pairs(tuple[Pair, ...], Object):
    """Labels in order."""

    __slots__ = ()

    @property
    def go_type(self) -> str:
        return "template.Pairs"

    def go_methods(self) -> Mapping[str, Function]:
        return {"Names": Function(self.names), "Values": Function(self.values), "String": Function(self.go_string)}

    def go_string(self) -> str:
        return ", ".join(f"{pair.name}={pair.value}" for pair in self)

    def go_json(self) -> Value:
        return list(self)

    def names(self) -> Texts:
        return Texts(pair.name for pair in self)

    def values(self) -> Texts:
        return Texts(pair.value for pair in self)


class KV(Mapping[str, str], Object):
    """Labels or annotations. `alertname` comes first where they are put in order."""

    __slots__ = ("_texts",)

    def __init__(self, texts: Mapping[str, str] | Iterable[tuple[str, str]] | None) -> None:
        self._texts = None if texts is None else dict(texts)

    def __repr__(self) -> str:
        return f"KV({self._texts})"

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))

    def __getitem__(self, name: str) -> str:
        if self._texts is None:
            raise KeyError(name)
        return self._texts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts or ())

    def __len__(self) -> int:
        return len(self._texts or ())

    @property
    def go_type(self) -> str:
        return "template.KV"

    def go_methods(self) -> Mapping[str, Function]:
        return {
            "SortedPairs": Function(self.sorted_pairs),
            "Remove": Function(self.remove, (TEXTS,)),
            "Names": Function(lambda: self.sorted_pairs().names()),
            "Values": Function(lambda: self.sorted_pairs().values()),
            "String": Function(self.go_string),
        }

    def go_string(self) -> str:
        return self.sorted_pairs().go_string()

    def go_zero(self) -> Value:
        return ""

    def go_json(self) -> Value:
        return None if self._texts is None else {name: self._texts[name] for name in sorted(self._texts)}

    def sorted_pairs(self) -> Pairs:
        """By name, `alertname` first."""
        names = sorted(self, key=lambda name: (name != _ALERTNAME, name))
        return Pairs(Pair(name, self[name]) for name in names)

    def remove(self, names: Sequence[str]) -> KV:
        """Without these."""
        return KV({name: value for name, value in self.items() if name not in names})


NIL: Final = KV(None)
"""A map that was never made: empty, and null in JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertData(Object):
    """One alert."""

    status: str = ""
    labels: KV = NIL
    annotations: KV = NIL
    starts_at: Moment = ZERO
    ends_at: Moment = ZERO
    """The zero time while it fires."""
    generator_url: str = ""
    fingerprint: str = ""

    @property
    def go_type(self) -> str:
        return "template.Alert"

    def go_fields(self) -> Mapping[str, Value]:
        return {
            "Status": self.status,
            "Labels": self.labels,
            "Annotations": self.annotations,
            "StartsAt": self.starts_at,
            "EndsAt": self.ends_at,
            "GeneratorURL": self.generator_url,
            "Fingerprint": self.fingerprint,
        }

    def go_json(self) -> Value:
        return {
            "status": self.status,
            "labels": self.labels,
            "annotations": self.annotations,
            "startsAt": self.starts_at,
            "endsAt": self.ends_at,
            "generatorURL": self.generator_url,
            "fingerprint": self.fingerprint,
        }


class Alerts(tuple[AlertData, ...], Object):
    """The alerts of a notification."""

    __slots__ = ()

    @property
    def go_type(self) -> str:
        return "template.Alerts"

    def go_methods(self) -> Mapping[str, Function]:
        return {
            "Firing": Function(lambda: self.having("firing")),
            "Resolved": Function(lambda: self.having("resolved")),
        }

    def go_json(self) -> Value:
        return list(self)

    def having(self, status: str) -> Alerts:
        """Those that are firing, or resolved."""
        return Alerts(alert for alert in self if alert.status == status)


NO_ALERTS: Final = Alerts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Data(Object):
    """The dot."""

    receiver: str = ""
    status: str = ""
    """firing if any alert fires, else resolved."""
    alerts: Alerts = NO_ALERTS
    group_labels: KV = NIL
    common_labels: KV = NIL
    common_annotations: KV = NIL
    external_url: str = ""
    reason: str = ""
    route_labels: KV = NIL

    @property
    def go_type(self) -> str:
        return "*template.Data"

    def go_fields(self) -> Mapping[str, Value]:
        return {
            "Receiver": self.receiver,
            "Status": self.status,
            "Alerts": self.alerts,
            "NotificationReason": self.reason,
            "GroupLabels": self.group_labels,
            "CommonLabels": self.common_labels,
            "CommonAnnotations": self.common_annotations,
            "ExternalURL": self.external_url,
            "RouteLabels": self.route_labels,
        }

    def go_json(self) -> Value:
        return {
            "receiver": self.receiver,
            "status": self.status,
            "alerts": self.alerts,
            "notification_reason": self.reason,
            "groupLabels": self.group_labels,
            "commonLabels": self.common_labels,
            "commonAnnotations": self.common_annotations,
            "externalURL": self.external_url,
            "routeLabels": self.route_labels,
        }


def data_of(message: Message) -> Data:
    """The dot of a message about a group, or about the alerts of an incident."""
    group = message.group
    firing = message.kind is not MessageKind.RESOLVE and (not message.alerts or any(a.firing for a in message.alerts))
    return Data(
        receiver=quote_meta(group.receiver) if group is not None else "",
        status="firing" if firing else "resolved",
        alerts=Alerts(
            AlertData(
                status="firing" if alert.firing else "resolved",
                labels=_kv(alert.labels),
                annotations=_kv(alert.annotations),
                starts_at=moment_at(alert.starts_at),
                ends_at=ZERO if alert.ends_at is None else moment_at(alert.ends_at),
                generator_url=alert.generator_url,
                fingerprint=alert.fingerprint,
            )
            for alert in message.alerts
        ),
        group_labels=_kv(group.labels if group is not None else None),
        common_labels=_kv(group.common_labels if group is not None else None),
        common_annotations=_kv(group.common_annotations if group is not None else None),
        external_url=message.external_url,
        reason=message.reason.value,
        route_labels=_kv(group.route_labels if group is not None else None),
    )


def moment_at(at: Timestamp) -> Moment:
    """An instant as a template sees it."""
    return Moment(at * MILLISECOND)


def _kv(labels: Labels | None) -> KV:
    return KV(labels.pairs if labels is not None else ())
