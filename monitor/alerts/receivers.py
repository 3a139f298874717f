"""Receivers as the alert side sees them: who is to be told, not how."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model.notifications import Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """One integration of a receiver."""

    destination: Destination
    send_resolved: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A named receiver. One with a policy opens incidents; its integrations listed here are told as in Alertmanager, so
    the configuration leaves out those that the policy replaces."""

    name: str
    integrations: tuple[Integration, ...] = ()
    policy: str = ""
