"""A whole Alertmanager file as it stands after reading: for printing, and for whoever asks what a key amounts to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from monitor.config.alertmanager.global_section import GLOBAL
from monitor.config.alertmanager.inheritance import plain
from monitor.config.alertmanager.printed_sections import printed_inhibit_rules, printed_route
from monitor.config.alertmanager.printing import printed_global, printed_receiver, printed_unserved
from monitor.config.alertmanager.receiver_list import NamedReceiver
from monitor.config.golang.structs import Values
from monitor.matching.parse import Syntax

_ORDER: Final = ("global", "route", "inhibit_rules", "receivers", "templates", "mute_time_intervals", "time_intervals")
_UNSERVED: Final = frozenset({"tracing", "event_recorder"})


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeFile:
    """Global section and receivers with their defaults, the rest as written."""

    shared: Values
    receivers: Sequence[NamedReceiver]
    others: Mapping[str, object]
    """The other sections as plain values."""
    syntax: Syntax = Syntax.FALLBACK
    """Of matchers and label names."""
    locate: Callable[[str], str] = str
    """Makes a file's name one that is relative to nothing."""

    def printed(self, *, cover: bool = True) -> dict[str, object]:
        """As Alertmanager prints it, in its order. `cover`: with `<secret>` in place of secrets."""
        found: dict[str, object] = {
            "templates": [],
            **self.others,
            "global": located(printed_global(self.shared, cover=cover), self.locate),
            "receivers": located([printed_receiver(receiver, cover=cover) for receiver in self.receivers], self.locate),
        }
        if "route" in found:
            found["route"] = printed_route(found["route"], self.syntax)
        if "inhibit_rules" in found:
            found["inhibit_rules"] = printed_inhibit_rules(found["inhibit_rules"], self.syntax)
        for key in _UNSERVED & set(found) if cover else ():
            found[key] = printed_unserved(found[key])
        order = [key for key in _ORDER if key in found]
        return {key: found[key] for key in (*order, *(key for key in found if key not in order))}

    def printed_text(self) -> str:
        """The same as YAML."""
        import yaml

        return yaml.safe_dump(self.printed(), sort_keys=False, allow_unicode=True, default_flow_style=False)

    def shown(self) -> dict[str, object]:
        """Every key with its value, secrets in the open. For tests and checks only."""
        receivers = [
            {
                "name": receiver.name,
                "labels": dict(receiver.labels),
                **{key: [one.values for one in many] for key, many in receiver.integrations.items()},
            }
            for receiver in self.receivers
        ]
        route = _with_group_by_all(self.others.get("route"))
        return {**self.others, "global": plain(GLOBAL, self.shared), "route": route, "receivers": receivers}


def located(value: object, locate: Callable[[str], str], *, inside: bool = False) -> object:
    """A section as plain values, in which the files that an `http_config` names are relative to nothing any more."""
    if isinstance(value, list):
        return [located(each, locate, inside=inside) for each in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    found: dict[str, object] = {}
    for key, each in cast("dict[str, object]", value).items():
        if inside and key.endswith("_file") and isinstance(each, str) and each:
            found[key] = locate(each)
        else:
            found[key] = located(each, locate, inside=inside or key == "http_config")
    return found


def _with_group_by_all(route: object) -> object:
    if not isinstance(route, dict):
        return route
    node = dict(cast("dict[str, object]", route))
    node["group_by_all"] = node.get("group_by") == ["..."]
    return node
