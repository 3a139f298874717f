"""retry_codes.json, truncate.json: what a vendor's answer means, and how texts are cut to fit."""

from __future__ import annotations

from monitor.config.alertmanager.catalogue import INTEGRATIONS
from monitor.model.notifications import Delivered, RetryLater, Unknown
from monitor.notify.dressing.wording import cut_bytes, cut_runes
from monitor.notify.kinds.answers import RETRIED, by_status, failure_of
from tests.conformance.cases import Case, Check

_VARIANTS: dict[str, str] = {"PagerDutyRetryV1": "pagerduty v1"}


def check_answers(case: Case) -> None:
    data = case.data
    match case.kind:
        case "codes":
            assert f"{data['receiver']}_configs" in INTEGRATIONS, f"no receiver {data['receiver']}"
            again = RETRIED.get(_VARIANTS.get(data["variant"]) or data["receiver"], frozenset[int]())
            for status in data["retry"]:
                assert _retried(status, again), f"{status} is not tried again"
            wrong = [status for status in data["final"] if _retried(status, again)]
            assert not wrong, f"{wrong} are tried again"
        case "check":
            said = data["body"] if isinstance(data["body"], str) else ""
            if data["details"] is not None:
                said = data["details"].replace("<body>", said)
            outcome = by_status(data["status"], "", 0, again=frozenset(data["retry_codes"]), body=said)
            assert isinstance(outcome, RetryLater | Unknown) == data["retry"]
            assert (None if isinstance(outcome, Delivered) else outcome.why) == data["error"]
        case "reason":
            assert failure_of(data["status"]).value == data["reason"]
        case _:
            raise AssertionError(f"unknown kind {case.kind}")


def check_cuts(case: Case) -> None:
    data = case.data
    for name, cut in (("runes", cut_runes), ("bytes", cut_bytes)):
        found = cut(data["in"], data["n"])
        assert found == data[name]["out"], f"by {name}: {found}"
        assert (found != data["in"]) == data[name]["cut"]


def _retried(status: int, again: frozenset[int]) -> bool:
    return isinstance(by_status(status, "", 0, again=again), RetryLater | Unknown)


TABLES: dict[str, Check] = {"retry_codes.json": check_answers, "truncate.json": check_cuts}
