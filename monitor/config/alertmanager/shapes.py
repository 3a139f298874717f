"""What all integrations have in common."""

from __future__ import annotations

from collections.abc import Mapping

from monitor.config.golang.kinds import Flag, Kind
from monitor.config.golang.structs import Rule, Struct


def integration(
    title: str, package: str, keys: Mapping[str, Kind], *rules: Rule, resolved: bool = True, about: str = ""
) -> Struct:
    """One kind of integration. `resolved`: are resolves told unless the configuration says otherwise?"""
    told = Flag(default=resolved, about="Tell also when it is over.")
    keys = {"send_resolved": told, **keys}
    return Struct(title=f"{title} receiver", inside=package, keys=keys, rules=rules, about=about)
