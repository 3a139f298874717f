"""The same script on Debian's Alertmanager and on ours: the same messages at the same times, the same answers.

Timers are short (a group waits 1 s and is told every 2 s), scripts act midway between two ticks, and all cases of a process
run at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.alertmanagers import ALERTMANAGER, Alertmanager, Debians, Ours
from tests.support.duel import Arrival, Case, Played, Stage, configuration, differences, play

pytestmark = pytest.mark.skipif(ALERTMANAGER is None, reason="prometheus-alertmanager is not installed")

_FLAGS = ("--web.external-url=http://alerts.example.com/am", "--web.route-prefix=/")


async def send(stage: Stage) -> None:
    """One alert: told once, after group_wait."""
    await stage.push("Down", instance="a")
    await stage.at(2.0)
    await stage.look_at_alerts()


async def repeat(stage: Stage) -> None:
    """Told again on the first tick after repeat_interval."""
    await stage.push("Down")


async def batching(stage: Stage) -> None:
    """What comes within group_wait is told together; what comes later, with all the others at the next tick."""
    await stage.push("Down", instance="b")
    await stage.at(0.4)
    await stage.push("Down", instance="a", job="j")
    await stage.at(2.0)
    await stage.push("Down", instance="c")
    await stage.push("Up")
    await stage.at(4.0)
    await stage.look_at_alerts()


async def resolved(stage: Stage) -> None:
    """By its own end, by the end of resolve_timeout, and one of two."""
    await stage.push("Ends")
    await stage.push("Forgotten", ends=None)
    await stage.push("Half", instance="a")
    await stage.push("Half", instance="b")
    await stage.at(2.0)
    await stage.push("Ends", ends=1.9)
    await stage.push("Half", instance="a", ends=1.9)
    await stage.at(4.0)
    await stage.look_at_alerts()
    await stage.push("Half", instance="a", starts=3.9)


async def unheard(stage: Stage) -> None:
    """send_resolved: false. Nothing is said of an end, and repeats name only what fires."""
    await stage.push("Half", instance="a")
    await stage.push("Half", instance="b")
    await stage.push("Ends")
    await stage.at(2.0)
    await stage.push("Half", instance="a", ends=1.9)
    await stage.push("Ends", ends=1.9)
    await stage.at(4.0)
    await stage.push("Ends", starts=3.9)


async def gone(stage: Stage) -> None:
    """Fired and resolved within group_wait: nobody hears of it."""
    await stage.push("Short")
    await stage.at(0.4)
    await stage.push("Short", ends=0.3)


async def retry(stage: Stage) -> None:
    """The receiver refuses at first."""
    await stage.push("Down")


async def merge(stage: Stage) -> None:
    """The same alert again: the earliest start, the newest annotations; a new one shows what became of it."""
    await stage.push(
        "Down", instance="a", starts=-5.0, ends=60.0, annotation="first"
    )  # told at once, so ticks are even
    await stage.at(1.0)
    await stage.push("Down", instance="a", starts=-2.0, ends=90.0, annotation="second")
    await stage.push("Down", instance="b", starts=0.5, ends=90.0)
    await stage.at(3.0)
    await stage.look_at_alerts()
    await stage.push("Down", instance="a", starts=2.0, ends=2.5, annotation="third")
    await stage.at(5.0)
    await stage.push("Down", instance="b", starts=0.5, ends=4.0, annotation="third")


async def silence(stage: Stage) -> None:
    """Not repeated while it is silenced, told again when that has ended; a silenced one is never told."""
    await stage.push("Down", instance="a")
    await stage.push("Down", instance="b")
    await stage.at(2.0)
    whole = await stage.silence(600.0, instance="a")
    part = await stage.silence(600.0, alertname="Never")
    await stage.push("Never")
    await stage.at(4.0)
    await stage.look_at_alerts()
    await stage.look(f"/api/v2/silence/{whole}")
    await stage.expire(whole)
    await stage.at(6.0)
    await stage.look(f"/api/v2/silence/{part}")


async def inhibit(stage: Stage) -> None:
    """A source that fires keeps its target quiet, and no longer."""
    await stage.push("Target", instance="a")
    await stage.push("Target", instance="b")
    await stage.at(2.0)
    await stage.push("Source", instance="a", starts=2.0)
    await stage.at(4.0)
    await stage.look_at_alerts()
    await stage.at(8.0)
    await stage.push("Source", instance="a", starts=2.0, ends=7.9)


async def inhibited(stage: Stage) -> None:
    """Inhibited from its beginning to its end: never told."""
    await stage.push("Source", "Target", instance="a")
    await stage.at(2.0)
    await stage.look_at_alerts()
    await stage.push("Source", "Target", instance="a", ends=1.9)


async def anything(stage: Stage) -> None:
    """A rule without matchers matches both sides of everything, so it keeps nothing quiet."""
    await stage.push("One", "Other")
    await stage.at(2.0)
    await stage.look_at_alerts()


async def hours(stage: Stage) -> None:
    """Never told: the interval mutes always, or the active one never comes."""
    await stage.push("Down")
    await stage.at(2.0)
    await stage.look_at_alerts()


async def many(stage: Stage) -> None:
    """max_alerts: the first ones, and how many are left out."""
    await stage.push("Down", instance="c")
    await stage.push("Down", instance="a")
    await stage.push("Down", instance="b")


async def invalid(stage: Stage) -> None:
    """Refused with the same codes and texts; what is good in the same call is taken."""
    soon, later = stage.instant(5.0), stage.instant(9.0)
    good = {"labels": {"alertname": "Good", "case": stage.case}, "startsAt": soon, "endsAt": stage.instant(600.0)}
    bad = {"labels": {"alertname": "Bad", "case": stage.case}, "startsAt": later, "endsAt": soon}
    unmatched: dict[str, object] = {
        "matchers": [],
        "startsAt": soon,
        "endsAt": later,
        "createdBy": "ana",
        "comment": "none",
    }
    nothing: dict[str, object] = {}
    pushes: list[object] = [[good, bad], [{"labels": nothing}], [{"annotations": nothing}], nothing]
    for push in pushes:
        await stage.refused("POST", "/api/v2/alerts", push)
    for silence in (nothing, unmatched):
        await stage.refused("POST", "/api/v2/silences", silence)
    for path in ("alerts?filter=bad", "silence/nothing", "silence/00000000-0000-0000-0000-000000000000"):
        await stage.refused("GET", f"/api/v2/{path}")


async def restart(stage: Stage) -> None:
    """What was told, and what is silenced, is known after a restart: no message twice, and the end is told."""
    await stage.push("Down", "Quiet")
    await stage.silence(600.0, alertname="Quiet")
    await stage.at(2.0)
    assert await stage.peer.stop() == 0
    await stage.peer.start()
    await stage.push("Down", "Quiet")
    await stage.after(5.0)
    await stage.look("/api/v2/silences")
    await stage.push("Down", "Quiet", ends=stage.now())
    await stage.after(4.0)


async def reload(stage: Stage) -> None:
    """A file that is bad changes nothing; another receiver in the same route hears of all that fires."""
    text = stage.peer.configured()
    await stage.push("Down", instance="a")
    await stage.at(2.0)
    stage.peer.configure("route: {receiver: nobody}")
    status, _ = await stage.ask("POST", "/-/reload")
    assert status == 500
    await stage.push("Down", instance="b")
    await stage.after(4.0)
    text = text.replace('"receiver": "reload"', '"receiver": "other"')
    stage.peer.configure(text.replace('"name": "reload"', '"name": "other"').replace("/reload", "/reload-other"))
    assert await stage.ask("POST", "/-/reload") == (200, "")
    await stage.after(4.0)
    await stage.look_at_alerts()
    await stage.push("Down", instance="a", ends=stage.now())
    await stage.after(4.0)


async def outlived(stage: Stage) -> None:
    """Beside one that restarts the process, between two ticks of this group: repeats come when they would have come. Debian's
    forgets alerts and begins anew when they are pushed again, which is done at the tick."""
    await stage.push("Down")
    await stage.at(10.9)
    await stage.listening()
    await stage.push("Down")
    await stage.at(12.0)
    await stage.push("Down", ends=11.9)


async def steady(stage: Stage) -> None:
    """Beside one that reloads, first in vain and then at a tick of this group: repeats come at the ticks, no sooner and no
    later. Debian's begins its ticks anew with a reload."""
    await stage.push("Down")
    await stage.at(12.0)
    await stage.push("Down", ends=11.9)


_ALWAYS = [{"name": "always", "time_intervals": [{"times": [{"start_time": "00:00", "end_time": "24:00"}]}]}]
_NEVER = [{"name": "never", "time_intervals": [{"years": ["1999"]}]}]

CASES: Sequence[Case] = (
    Case(name="send", script=send, until=4.5),
    Case(name="repeat", script=repeat, until=10.5, route={"repeat_interval": "3s"}),
    Case(name="batching", script=batching, until=6.5),
    Case(name="resolved", script=resolved, until=8.5),
    Case(name="unheard", script=unheard, until=8.5, route={"repeat_interval": "3s"}, webhook={"send_resolved": False}),
    Case(name="gone", script=gone, until=3.5),
    Case(name="retry", script=retry, until=9.0, failing=2, tolerance=5.0),
    Case(name="merge", script=merge, until=8.5, route={"group_by": ["case"]}),
    Case(name="silence", script=silence, until=10.5, route={"group_by": ["instance"], "repeat_interval": "3s"}),
    Case(
        name="inhibit",
        script=inhibit,
        until=12.5,
        route={"group_by": ["alertname", "instance"], "repeat_interval": "3s"},
    ),
    Case(name="inhibited", script=inhibited, until=6.5),
    Case(name="anything", script=anything, until=4.5),
    Case(name="muted", script=hours, until=4.5, route={"mute_time_intervals": ["always"]}),
    Case(name="inactive", script=hours, until=4.5, route={"active_time_intervals": ["never"]}),
    Case(name="active", script=hours, until=4.5, route={"active_time_intervals": ["never", "always"]}),
    Case(name="many", script=many, until=4.5, webhook={"max_alerts": 2}),
    Case(name="invalid", script=invalid, until=3.5),
)
RESTART = Case(name="restart", script=restart, until=0.0, timed=False)
RELOAD = Case(name="reload", script=reload, until=0.0, timed=False)
OUTLIVED = Case(name="outlived", script=outlived, until=22.5, route={"group_interval": "10s", "repeat_interval": "8s"})
STEADY = Case(name="steady", script=steady, until=17.5, route={"group_interval": "5s", "repeat_interval": "4s"})
_SILENT = {"gone", "muted", "inactive"}
_RULES = [
    *(
        {
            "source_matchers": [f'case="{case}"', 'alertname="Source"'],
            "target_matchers": [f'case="{case}"', 'alertname="Target"'],
            "equal": ["instance"],
        }
        for case in ("inhibit", "inhibited")
    ),
    {},
]


async def both(folder: Path, cases: Sequence[Case], **more: object) -> Mapping[str, Sequence[str]]:
    """What differs between Debian's and ours, by case; both run at the same time."""

    barrier = asyncio.Barrier(2)

    async def one(kind: type[Alertmanager]) -> Mapping[str, Played]:
        def make(hooks: str) -> Alertmanager:
            return kind(folder / kind.__name__, configuration(cases, hooks, **more), *_FLAGS)

        return await play(cases, make, barrier)

    theirs, ours = await asyncio.gather(one(Debians), one(Ours))
    heard = {case.name for case in cases if theirs[case.name].arrivals}
    assert heard == {case.name for case in cases} - _SILENT, "the script itself must have shown something"
    found = {case.name: differences(case, theirs[case.name], ours[case.name]) for case in cases}
    return {name: what for name, what in found.items() if what}


async def twice(
    folder: Path, cases: Sequence[Case], *, together: bool = False, **more: object
) -> Mapping[str, Sequence[str]]:
    """What still differs when those cases that did are played again: a loaded machine may be late once. `together`: they need
    each other."""
    found = await both(folder / "first", cases, **more)
    again = [case for case in cases if case.name in found or (together and found)]
    return await both(folder / "second", again, **more) if again else {}


async def test_everything_that_one_process_shows(tmp_path: Path) -> None:
    """All cases of one configuration, and beside them those that restart and reload a process of their own."""
    found = await asyncio.gather(
        twice(tmp_path / "shared", CASES, time_intervals=_ALWAYS + _NEVER, inhibit_rules=_RULES),
        twice(tmp_path / "restart", [RESTART, OUTLIVED], together=True),
        twice(tmp_path / "reload", [RELOAD, STEADY], together=True),
    )
    assert {name: what for one in found for name, what in one.items()} == {}


def test_a_difference_is_seen() -> None:
    """In how many came, when, in their content and its order, and in answers; what the versions differ in is not."""

    def played(at: float = 1.0, **more: object) -> Played:
        body: dict[str, object] = {"status": "firing", "groupKey": "{}", "alerts": [], **more}
        return Played(arrivals=(Arrival(at=at, path="send", body=body),), answers=(("/api/v2/alerts", [200, []]),))

    case = CASES[0]
    assert differences(case, played(), played(1.2, notification_reason="first notification")) == []
    assert differences(case, played(), played(3.0))
    assert differences(case, played(), played(status="resolved"))
    assert differences(case, played(), played(receiver="w"))
    assert differences(case, played(), Played(arrivals=(), answers=()))
    other = Played(arrivals=played().arrivals, answers=(("/api/v2/alerts", [400, []]),))
    assert differences(case, played(), other)
