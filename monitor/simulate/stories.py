"""Stories: what happens when, and who is told when, exactly.

    story = Story(configuration)
    story.at("0s").down("api")
    story.at("2s50ms").expect(page("ana"))
    story.at("5m2s50ms").expect(page("bo"))
    story.at("7m").ack("bo")
    story.until("2h").expect_nothing()

`until` plays the story. Everything that anybody hears until then must have been expected, at that millisecond and in that
order; what was expected and did not come, and what came unexpected, is shown line by line. Times count from the start of
the story; a jump of the wall clock does not move them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from difflib import ndiff
from typing import Final

from monitor.alerts.maintenance import MaintenanceWindow
from monitor.alerts.pushed import pushed_alert
from monitor.alerts.silences import SilenceDraft
from monitor.config.configuration import Configuration
from monitor.matching.parse import parse_matchers
from monitor.model.checks import Outcome
from monitor.model.errors import NotFoundError
from monitor.model.incidents import Actor, Door, IncidentState
from monitor.model.notifications import MessageKind
from monitor.model.times import DAY, Millis, Timestamp, format_duration, parse_duration
from monitor.oncall.incident import Incident
from monitor.probe.heartbeat import Ping, PingKind
from monitor.simulate.loop import run
from monitor.simulate.tellings import Telling, heard_line, telling_line
from monitor.simulate.world import START, Heard, Line, World, hanging, healthy, refused, reporting

_LONG: Final[Millis] = 30 * DAY
Act = Callable[[World], Awaitable[None]]


class StoryError(AssertionError):
    """The story went otherwise than it was told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What is left when a story is over."""

    world: World
    incidents: tuple[Incident, ...]
    """The newest first."""

    def telling(self, who: str, kind: MessageKind = MessageKind.TRIGGER) -> Heard:
        """The first such message. Raises NotFoundError."""
        for heard in self.world.heard:
            if heard.who == who and heard.kind is kind:
                return heard
        raise NotFoundError(f"{who} heard no {kind.value}")


class Story:
    """Tell it with `at`, play it with `until`."""

    def __init__(self, configuration: Configuration, *, start: Timestamp = START, seed: int = 0) -> None:
        self._configuration = configuration
        self._start = start
        self._seed = seed
        self._acts: list[tuple[Millis, Act]] = []
        self._expected: list[tuple[Millis, Telling]] = []

    def __repr__(self) -> str:
        return f"Story({len(self._acts)} acts, {len(self._expected)} expectations)"

    def at(self, when: str) -> Moment:
        """An instant of the story, as `1h2m3s50ms`. Raises ValueError."""
        return Moment(parse_duration(when), self._acts, self._expected)

    def until(self, when: str) -> Ending:
        """The end of the story."""
        return Ending(parse_duration(when), self)

    def play(self, end: Millis) -> Played:
        """Let it happen, and hold it to what was expected. Raises StoryError."""
        played = self.observe(end)
        self._compare(played.world)
        return played

    def observe(self, end: Millis) -> Played:
        """Let it happen, whatever comes of it: for laws over many stories."""
        world = World(self._configuration, start=self._start, seed=self._seed)
        incidents = run(self._told(world, end), world.loop)
        return Played(world=world, incidents=incidents)

    async def _told(self, world: World, end: Millis) -> tuple[Incident, ...]:
        acts = sorted(self._acts, key=lambda act: act[0])
        beginning = [act for at, act in acts if at == 0]
        for act in beginning:
            await act(world)
        await world.start()
        for at, act in acts[len(beginning) :]:
            await world.clock.sleep(at - world.elapsed)
            await act(world)
        await world.clock.sleep(end - world.elapsed)
        incidents = await world.running.escalating.incidents()
        await world.crash()
        await world.database.close()
        return incidents

    def _compare(self, world: World) -> None:
        wanted = {(at, one.who, one.kind): one for at, one in self._expected}
        expected = sorted(telling_line(at, one) for at, one in self._expected)
        heard = sorted(heard_line(one, wanted.get((one.at, one.who, one.kind))) for one in world.heard)
        problems: list[str] = []
        if heard != expected:
            problems += ["expected (-) and heard (+):", *(line for line in ndiff(expected, heard) if line[0] != "?")]
        if world.crashes:
            problems += ["tasks that crashed:", *dict.fromkeys(world.crashes)]
        if problems:
            raise StoryError("\n".join(problems))


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant of a story. Each word gives the moment back, so that words can follow one another."""

    when: Millis
    _acts: list[tuple[Millis, Act]] = field(repr=False)
    _expected: list[tuple[Millis, Telling]] = field(repr=False)

    def expect(self, *tellings: Telling) -> Moment:
        """These, and nothing else, arrive now."""
        self._expected.extend((self.when, telling) for telling in tellings)
        return self

    # -- the outer world -------------------------------------------------------------------------------------------------

    def down(self, *checks: str) -> Moment:
        """Connections are refused from now on."""
        return self._set(refused(), checks)

    def hang(self, check: str, timeout: str = "5s") -> Moment:
        """Nobody answers any more."""
        return self._set(hanging(parse_duration(timeout)), (check,))

    def ill(self, check: str, *, healthy: bool = False, **components: str) -> Moment:
        """It answers, and names the state of its components by these words; as a whole it calls itself healthy or not."""
        return self._set(reporting(healthy, components), (check,))

    def up(self, *checks: str, version: str = "") -> Moment:
        """All is well again, perhaps in another version."""
        return self._set(healthy(version=version), checks)

    def serve(self, url: str, body: str | None) -> Moment:
        """What a scraped address answers from now on; None: it refuses."""

        async def act(world: World) -> None:
            if body is None:
                world.bodies.pop(url, None)
            else:
                world.bodies[url] = body.encode()

        return self._do(act)

    def ping(self, check: str, kind: PingKind = PingKind.SUCCESS) -> Moment:
        """A job reports to its heartbeat."""

        async def act(world: World) -> None:
            await world.probes.probing.ping(check, Ping(kind=kind))

        return self._do(act)

    def line(self, who: str, line: Line) -> Moment:
        """What happens to messages for somebody (`ana`), or for one of their contacts (`ana/slack`), from now on."""

        async def act(world: World) -> None:
            world.lines[who] = line

        return self._do(act)

    def jump(self, span: Millis) -> Moment:
        """The wall clock is set forward, or back if `span` is negative."""

        async def act(world: World) -> None:
            world.time.jump(span)

        return self._do(act)

    def alert(self, name: str, end: str = "", **labels: str) -> Moment:
        """Somebody pushes an alert, as Prometheus does: it fires until `end` (a span from now) or for the time being."""
        return self._push(name, labels, parse_duration(end) if end else _LONG)

    def over(self, name: str, **labels: str) -> Moment:
        """Somebody pushes that an alert has resolved."""
        return self._push(name, labels, 0)

    # -- people ----------------------------------------------------------------------------------------------------------

    def ack(self, who: str, incident: int | None = None) -> Moment:
        """Somebody acknowledges; the newest open incident unless a number is given."""

        async def act(world: World) -> None:
            await world.running.escalating.acknowledge(await _reference(world, incident), _person(who))

        return self._do(act)

    def ack_if_open(self, who: str) -> Moment:
        """Somebody acknowledges the newest incident; nothing happens if none is open or the daemon is down."""

        async def act(world: World) -> None:
            if world.rooms is None:
                return
            found = await world.running.escalating.incidents(1, open_only=True)
            if found and found[0].state is IncidentState.TRIGGERED:
                await world.running.escalating.acknowledge(str(found[0].number), _person(who))

        return self._do(act)

    def unack(self, who: str, incident: int | None = None) -> Moment:
        async def act(world: World) -> None:
            await world.running.escalating.unacknowledge(await _reference(world, incident), _person(who))

        return self._do(act)

    def resolve(self, who: str, incident: int | None = None) -> Moment:
        async def act(world: World) -> None:
            await world.running.escalating.resolve(await _reference(world, incident), _person(who))

        return self._do(act)

    def escalate(self, who: str, incident: int | None = None) -> Moment:
        async def act(world: World) -> None:
            await world.running.escalating.escalate(await _reference(world, incident), _person(who))

        return self._do(act)

    def snooze(self, who: str, span: str, incident: int | None = None) -> Moment:
        async def act(world: World) -> None:
            until = world.clock.now() + parse_duration(span)
            await world.running.escalating.snooze(await _reference(world, incident), _person(who), until)

        return self._do(act)

    def silence(
        self,
        who: str,
        matchers: str,
        span: str,
        *,
        starts_after: str = "0s",
        until_resolved: bool | None = None,
        remind_before: str = "",
    ) -> Moment:
        """Somebody silences the alerts that match, as `alertname="Down"`, for so long."""

        async def act(world: World) -> None:
            starts_at = world.clock.now() + parse_duration(starts_after)
            draft = SilenceDraft(
                matcher_sets=(parse_matchers(matchers),),
                starts_at=starts_at,
                ends_at=starts_at + parse_duration(span),
                created_by=who,
                until_resolved=until_resolved,
                remind_before=parse_duration(remind_before) if remind_before else None,
            )
            await world.running.silencing.place(draft, _person(who))

        return self._do(act)

    def end_silences(self, who: str) -> Moment:
        """Somebody ends all silences."""

        async def act(world: World) -> None:
            for silence in await world.running.silencing.silences():
                await world.running.silencing.expire(silence.id, _person(who))

        return self._do(act)

    def maintain(self, who: str, window: MaintenanceWindow) -> Moment:
        """Somebody adds a maintenance window, or puts it in the place of the one of its name."""

        async def act(world: World) -> None:
            maintaining = world.running.quiet.maintaining
            if any(one.window.name == window.name and one.own for one in await maintaining.planned(0)):
                await maintaining.edit(window.name, lambda _: window, _person(who))
            else:
                await maintaining.add(window, _person(who))

        return self._do(act)

    def end_maintenance(self, who: str, name: str, *, skip_next: bool = False) -> Moment:
        """Somebody ends the occurrence that is under way, or leaves the next one out."""

        async def act(world: World) -> None:
            await world.running.quiet.maintaining.end(name, _person(who), skip_next=skip_next)

        return self._do(act)

    def remove_maintenance(self, who: str, name: str) -> Moment:
        async def act(world: World) -> None:
            await world.running.quiet.maintaining.remove(name, _person(who))

        return self._do(act)

    # -- the daemon ------------------------------------------------------------------------------------------------------

    def crash(self, *, back_after: str = "0s") -> Moment:
        """The daemon is killed, and starts again after so long."""

        async def act(world: World) -> None:
            await world.crash()

        return self._do(act)._start_again(parse_duration(back_after))

    def restart(self, *, back_after: str = "0s") -> Moment:
        """The daemon is stopped in good order, and starts again after so long."""

        async def act(world: World) -> None:
            await world.stop()

        return self._do(act)._start_again(parse_duration(back_after))

    def reload(self, configuration: Configuration) -> Moment:
        async def act(world: World) -> None:
            await world.reload(configuration)

        return self._do(act)

    def _push(self, name: str, labels: Mapping[str, str], span: Millis) -> Moment:
        async def act(world: World) -> None:
            now = world.clock.now()
            pushed = pushed_alert(
                {"alertname": name, **labels},
                {},
                starts_at=now if span else None,
                ends_at=now + span,
                generator_url="",
                resolve_timeout=0,
                now=now,
            )
            await world.running.dispatcher.accept([pushed])

        return self._do(act)

    def _set(self, outcome: Outcome, checks: tuple[str, ...]) -> Moment:
        async def act(world: World) -> None:
            world.states.update(dict.fromkeys(checks, outcome))

        return self._do(act)

    def _start_again(self, after: Millis) -> Moment:
        async def act(world: World) -> None:
            await world.start()

        self._acts.append((self.when + after, act))
        return self

    def _do(self, act: Act) -> Moment:
        self._acts.append((self.when, act))
        return self


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a story."""

    when: Millis
    _story: Story

    def expect_nothing(self) -> Played:
        """Play: nothing beyond what was expected is heard until the end. Raises StoryError."""
        return self._story.play(self.when)


def _person(who: str) -> Actor:
    return Actor(name=who, door=Door.CLI)


async def _reference(world: World, number: int | None) -> str:
    if number is not None:
        return str(number)
    found = await world.running.escalating.incidents(1, open_only=True)
    if not found:
        raise StoryError(f"no incident is open at {format_duration(world.elapsed)}")
    return str(found[0].number)
