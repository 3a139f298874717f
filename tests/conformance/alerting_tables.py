"""silences.json, dedup.json, alert_merge.json: what Alertmanager decides about silences, notifications and reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from monitor.alerts.dedup import entry_expires, in_reading_order, left_unmuted, names_text, to_send, why_notify
from monitor.alerts.groups import NotifyEntry, merge
from monitor.alerts.pushed import check_labels
from monitor.alerts.silence_book import SilenceBook
from monitor.alerts.silences import (
    Silence,
    SilenceDraft,
    SilenceLimits,
    SilenceState,
    SilenceStep,
    can_update,
    check_matcher,
    expire,
    forget,
    place,
    query,
    validate,
)
from monitor.alerts.silences import merge as merge_silences
from monitor.matching.matchers import Matcher, MatchOp
from monitor.matching.parse import Syntax
from monitor.model.alerts import Alert
from monitor.model.errors import UserError
from monitor.model.labels import EMPTY, Labels
from monitor.model.notifications import Destination, NotifyReason
from monitor.model.times import Millis, Timestamp, parse_duration, parse_rfc3339
from tests.conformance.cases import Case, Check
from tests.conformance.matchers_table import text_of

Fields = Mapping[str, Any]
_FAR: Timestamp = 1 << 50


# -- silences -------------------------------------------------------------------------------------------------------------


def check_silences(case: Case) -> None:
    data = case.data
    now = parse_rfc3339(data["now"]) if "now" in data else 0
    match case.kind:
        case "scenario":
            _Scenario(data).play()
        case "set_fails":
            _fails(lambda: place({}, _draft(data["silence"]), "s1", now), data)
        case "query_state":
            states = [SilenceState(one) for one in data["states"]]
            kept = bool(query([_silence(data["silence"])], now, states))
            assert kept == data["keep"], f"{kept}"
        case "matches":
            assert _silence(data["silence"]).matches(Labels(data["labels"])) == data["match"]
        case "can_update":
            allowed = can_update(_silence(data["a"]), _silence(data["b"]), now)
            assert allowed == data["ok"], f"{allowed}"
        case "validate":
            _fails(lambda: validate(_draft(data["silence"]), Syntax(data["mode"])), data)
        case "validate_matcher":
            fields, syntax = data["matcher"], Syntax(data["mode"])
            name, value = text_of(fields["name"]), text_of(fields["value"])
            _fails(lambda: check_matcher(name, MatchOp(fields["op"]), value, syntax), data)
        case "merge":
            have = {one.id: one for one in map(_silence, data["have"])}
            for incoming in data["incoming"]:
                have.update((one.id, one) for one in merge_silences(have, [_silence(incoming)], now).put)
            wanted = {one.id: one for one in map(_silence, data["result"])}
            assert have == wanted, f"merged {have}"
        case "state":
            state = _silence(data).state(now).value
            assert state == data["state"], f"{state}"
        case other:
            raise AssertionError(f"unknown kind {other}")


class _Scenario:
    def __init__(self, data: Fields) -> None:
        self._steps: list[Fields] = data["steps"]
        self._retention: Millis = parse_duration(data["retention"])
        self._limits = self._limits_of(data.get("limits") or {})
        self._book = SilenceBook()
        self._made = 0
        self._names: dict[str, str] = {}

    def play(self) -> None:
        for number, step in enumerate(self._steps):
            try:
                getattr(self, {"limits": "_limits_set"}.get(step["op"], f"_{step['op']}"))(
                    step, parse_rfc3339(step["at"])
                )
            except AssertionError as error:
                raise AssertionError(f"step {number} ({step['op']}): {error}") from error

    def _limits_of(self, limits: Fields) -> SilenceLimits:
        return SilenceLimits(
            silences=limits.get("max_silences") or 0,
            size=limits.get("max_silence_size_bytes") or 0,
            retention=self._retention,
        )

    def _do(self, decide: Callable[[], SilenceStep], expect: Fields) -> SilenceStep | None:
        try:
            step = decide()
        except UserError as error:
            wanted = expect["error"]
            assert wanted, f"refused: {error}"
            assert wanted is True or str(error) == wanted, f"said {error}"
            return None
        assert not expect.get("error"), "accepted"
        self._book.take(step)
        return step

    def _set(self, step: Fields, now: Timestamp) -> None:
        draft, new_id, expect = _draft(step["silence"]), _stored_id(f"s{self._made + 1}"), step["expect"]
        made = self._do(lambda: place(self._book.all, draft, new_id, now, limits=self._limits), expect)
        if made is not None:
            self._made += made.id == new_id
            assert made.id == _stored_id(expect["id"]), f"it is {made.id}"

    def _expire(self, step: Fields, now: Timestamp) -> None:
        self._do(lambda: expire(self._book.all, _stored_id(step["id"]), now, limits=self._limits), step["expect"])

    def _gc(self, step: Fields, now: Timestamp) -> None:
        forgotten = forget(self._book.all, now)
        self._book.take(forgotten)
        assert len(forgotten.removed) == step["expect"]["removed"], f"removed {forgotten.removed}"

    def _get(self, step: Fields, now: Timestamp) -> None:
        silence, wanted = self._book.all.get(_stored_id(step["id"])), step["expect"]
        if wanted is None or wanted.get("error"):
            assert silence is None, f"got {silence}"
            return
        assert silence is not None, "it is not there"
        assert replace(silence, expires_at=0) == replace(_silence(wanted), expires_at=0), f"got {silence}"
        if "state" in wanted:
            assert silence.state(now).value == wanted["state"], f"{silence.state(now)}"

    def _query(self, step: Fields, now: Timestamp) -> None:
        found = sorted(one.id for one in query(self._book.all.values(), now, _states(step)))
        assert found == sorted(map(_stored_id, step["expect"])), f"found {found}"

    def _count(self, step: Fields, now: Timestamp) -> None:
        found = len(query(self._book.all.values(), now, _states(step)))
        assert found == step["expect"], f"{found}"

    def _mutes(self, step: Fields, now: Timestamp) -> None:
        by = [one.id for one in self._book.muting(Labels(step["labels"]), now)]
        wanted = {"muted": step["expect"]["muted"], "by": sorted(map(_stored_id, step["expect"]["by"]))}
        assert {"muted": bool(by), "by": by} == wanted, f"muted by {by}"

    def _state(self, step: Fields, now: Timestamp) -> None:
        wanted = {one.id: one for one in map(_silence, step["expect"])}
        assert self._book.all == wanted, f"stored {self._book.all}"

    def _load(self, step: Fields, now: Timestamp) -> None:
        self._book = SilenceBook(map(_silence, step["silences"]))

    def _limits_set(self, step: Fields, now: Timestamp) -> None:
        self._limits = self._limits_of(step["limits"] or {})


def _states(step: Fields) -> frozenset[SilenceState]:
    return frozenset(map(SilenceState, step["states"])) if step.get("states") else frozenset(SilenceState)


def _fails(check: Callable[[], object], data: Fields) -> None:
    wanted = data["error_contains"]
    try:
        check()
    except (ValueError, UserError) as error:
        assert wanted is not None, f"refused: {error}"
        assert wanted in str(error), f"said {error}"
    else:
        assert wanted is None, "accepted"


def _matcher_sets(fields: Fields) -> tuple[tuple[Matcher, ...], ...]:
    sets = fields.get("matcher_sets") or ([fields["matchers"]] if "matchers" in fields else [])
    return tuple(tuple(map(_matcher, some)) for some in sets)


def _matcher(fields: Fields) -> Matcher:
    return Matcher(text_of(fields["name"]), MatchOp(fields["op"]), text_of(fields["value"]), dot_matches_newline=False)


def _stored_id(label: str) -> str:
    """`s1` as long as the ids that are stored, for the limit of a silence's size counts them."""
    return f"{label:->36}" if label else ""


def _draft(fields: Fields) -> SilenceDraft:
    return SilenceDraft(
        id=_stored_id(fields.get("id", "")),
        matcher_sets=_matcher_sets(fields),
        starts_at=_optional_instant(fields, "starts_at"),
        ends_at=_optional_instant(fields, "ends_at"),
        created_by=text_of(fields.get("created_by", "")),
        comment=text_of(fields.get("comment", "")),
        annotations=Labels(fields.get("annotations") or {}),
    )


def _silence(fields: Fields) -> Silence:
    return Silence(
        id=_stored_id(fields.get("id", "")),
        matcher_sets=_matcher_sets(fields),
        starts_at=_instant(fields, "starts_at"),
        ends_at=_instant(fields, "ends_at"),
        updated_at=_instant(fields, "updated_at"),
        expires_at=_instant(fields, "expires_at"),
        created_by=text_of(fields.get("created_by", "")),
        comment=text_of(fields.get("comment", "")),
        annotations=Labels(fields.get("annotations") or {}),
    )


def _optional_instant(fields: Fields, key: str) -> Timestamp | None:
    text = fields.get(key, "0001-01-01T00:00:00Z")
    return None if text == "0001-01-01T00:00:00Z" else parse_rfc3339(text)


def _instant(fields: Fields, key: str) -> Timestamp:
    return _optional_instant(fields, key) or 0


# -- notifications --------------------------------------------------------------------------------------------------------


def check_dedup(case: Case) -> None:
    data = case.data
    match case.kind:
        case "needs_update":
            reason = why_notify(
                _entry(data["entry"]),
                set(map(str, data["firing"])),
                set(map(str, data["resolved"])),
                repeat_interval=parse_duration(data["repeat_interval"]),
                send_resolved=data["send_resolved"],
                now=parse_rfc3339(data["now"]),
            )
            assert (reason is not NotifyReason.NONE) == data["notify"], f"{reason}"
            assert reason.value == data["reason"], f"{reason}"
        case "payload":
            now = parse_rfc3339(data["now"])
            alerts = [_report({"labels": {"n": str(at)}, **one}) for at, one in enumerate(data["alerts"])]
            sent = [alerts.index(one) for one in to_send(alerts, data["send_resolved"], now)]
            assert sent == data["sent"], f"sent {sent}"
        case "log_entry":
            expiry = entry_expires(0, parse_duration(data["repeat_interval"]))
            assert expiry == parse_duration(data["expiry"]), f"{expiry}"
        case "mute":
            alerts = [_report({"labels": labels}) for labels in data["alerts"]]
            left = left_unmuted(alerts, lambda alert: "mute" in alert.labels)
            assert [dict(one.labels) for one in left] == data["left"]
        case other:
            raise AssertionError(f"unknown kind {other}")


def _entry(fields: Fields | None) -> NotifyEntry | None:
    if fields is None:
        return None
    return NotifyEntry(
        destination=Destination("r", "webhook"),
        firing=tuple(map(str, fields["firing"])),
        resolved=tuple(map(str, fields["resolved"])),
        at=_instant(fields, "timestamp"),
    )


# -- reports --------------------------------------------------------------------------------------------------------------


def check_merge(case: Case) -> None:
    data = case.data
    match case.kind:
        case "merge":
            now, wanted = parse_rfc3339(data["now"]), _report(data["result"])
            a, b = _report(data["a"]), _report(data["b"])
            assert merge(a, b, now) == wanted, f"merged {merge(a, b, now)}"
            assert merge(b, a, now) == wanted, f"the other way {merge(b, a, now)}"
        case "sort":
            alerts = in_reading_order(_report({"labels": labels}) for labels in data["labels"])
            assert [dict(one.labels) for one in alerts] == data["sorted"], f"{alerts}"
        case "log_text":
            text = names_text(data["alertnames"])
            assert text == data["text"], f"{text}"
        case "labels_utf8":
            pairs = [(text_of(name), text_of(value)) for name, value in data["labels"]]
            try:
                check_labels(pairs, Syntax.UTF8)
            except ValueError as error:
                wanted = data["error"]
                assert wanted, f"refused: {error}"
                assert wanted is True or str(error) == wanted, f"said {error}"
            else:
                assert not data["error"], "accepted"
        case other:
            raise AssertionError(f"unknown kind {other}")


def _report(fields: Fields) -> Alert:
    return Alert(
        labels=Labels(fields["labels"]),
        annotations=EMPTY,
        starts_at=_instant(fields, "starts_at"),
        ends_at=_optional_instant(fields, "ends_at") or _FAR,
        updated_at=_instant(fields, "updated_at"),
        ends_by_timeout=fields.get("timeout", False),
    )


TABLES: dict[str, Check] = {
    "alertmanager/silences.json": check_silences,
    "alertmanager/dedup.json": check_dedup,
    "alertmanager/alert_merge.json": check_merge,
}
