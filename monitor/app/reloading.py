"""What a reload says of a configuration that is good, and that it cannot put into force as a whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from monitor.alerts.maintenance import MaintenanceWindow
from monitor.alerts.orphans import Regrouping
from monitor.config.configuration import Configuration
from monitor.config.places import WrittenAt
from monitor.model.errors import Finding
from monitor.model.labels import Labels


def doubts(former: Configuration, fresh: Configuration) -> Iterator[Finding]:
    """Warnings about the step from the one to the other."""
    window = fresh.storage.out_of_order_time_window  # follows
    changed = {
        "storage": replace(former.storage, out_of_order_time_window=window) != fresh.storage,
        "web.listen": (former.listen.host, former.listen.port) != (fresh.listen.host, fresh.listen.port),
        "web.config_file": former.listen.web_file_name != fresh.listen.web_file_name,
        "log": former.log != fresh.log,
        "host": former.host != fresh.host,
        "rules.query_url": former.query_engine != fresh.query_engine,
    }
    for path, yes in changed.items():
        if yes:
            remedy = "restart to use it"
            yield Finding(file=fresh.file, line=0, path=path, problem="has changed", remedy=remedy, warning=True)
    before = former.leaving
    if before != fresh.leaving:
        # Alerts that get other labels are other alerts: what is open ends only by hand or when its checks recover.
        if before.labels != fresh.leaving.labels:
            path = "environment"
        elif before.relabeling != fresh.leaving.relabeling:
            path = "alerting.alert_relabel_configs"
        else:  # the default tree came or went, and with it the job of a check's alerts
            path = "alertmanager"
        whose = "every alert of a check" if path == "alertmanager" else "every alert"
        problem = f"the labels of {whose} have changed, so whatever fires opens new incidents beside the open ones"
        yield Finding(file=fresh.file, line=0, path=path, problem=problem, warning=True)


def relabelled(former: Configuration, fresh: Configuration, firing: Iterable[Labels]) -> frozenset[str]:
    """Of our own rules' alerts, given by the labels that they have there, the fingerprints with which those left that leave
    otherwise now: nobody reports them any longer, and what is reported instead are other alerts."""
    if (former.leaving, former.replica_labels) == (fresh.leaving, fresh.replica_labels):
        return frozenset()
    ways = ((former.leaves_as(labels), fresh.leaves_as(labels)) for labels in firing)
    return frozenset(before.fingerprint for before, after in ways if before is not None and before != after)


def regrouped(
    fresh: Configuration, regrouping: Regrouping, relabelled: Collection[str] = frozenset()
) -> Iterator[Finding]:
    """Warnings about what became of alerts that fire. Of those that were `relabelled` nothing is promised: what fires in
    their place opens incidents (`doubts` says so)."""
    route = fresh.paging.alertmanager.route
    place = WrittenAt(fresh.file) if route is None else route  # the default tree stands nowhere

    def warning(problem: str, remedy: str) -> Finding:
        return Finding(
            file=place.file,
            line=place.line,
            column=place.column,
            path=place.path,
            problem=problem,
            remedy=remedy,
            warning=True,
        )

    if regrouping.told_again:
        problem = (
            f"{_alerts(regrouping.told_again)} in groups with other keys now, and told again to those who know them"
        )
        remedy = "so does Alertmanager; what was told of the former groups is ended"
        yield warning(problem, remedy)
    if kept := len(regrouping.kept.difference(relabelled)):
        problem = f"{_alerts(kept)} in groups with other keys now, and with the incidents of the former ones"
        remedy = "nobody is paged again for them; what joins those groups opens incidents of its own"
        yield warning(problem, remedy)


def clashing(fresh: Configuration, windows: Iterable[MaintenanceWindow]) -> Iterator[Finding]:
    """Warnings of windows of the file whose name was given at run time as well."""
    for window in windows:
        problem = f'"{window.name}" at {window.place} has the name of a window that was added at run time: both mute'
        remedy = (
            f"rename one, or `watchkeeper maintenance remove {window.name}`, which takes away the one that was added"
        )
        yield Finding(file=fresh.file, line=0, path="maintenance", problem=problem, remedy=remedy, warning=True)


def _alerts(number: int) -> str:
    return "1 alert that fires is" if number == 1 else f"{number} alerts that fire are"
