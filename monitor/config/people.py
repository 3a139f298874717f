"""People, policies, schedules and which receivers escalate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from monitor.config.fields import AsList, AsMapping, Flag, MisfitError, Section, Span, Text, Whole
from monitor.config.findings import Findings
from monitor.config.yamltree import Document, Path, Scalar
from monitor.model.times import MINUTE
from monitor.oncall.policies import OnExhausted, OnNewAlert, Policy, PolicyStep, Target, TargetKind


class PersonSection(Section):
    """One person and how to reach them; contacts are tried in the order pagerduty, slack, email, webhook, console."""

    pagerduty_routing_key: Text = ""
    """Events API v2 routing key of the person's own PagerDuty service."""
    pagerduty_routing_key_file: Text = ""
    """A file that holds the key; read at each page."""
    slack: Text = ""
    """Slack user id (U123) or channel."""
    email: Text = ""
    """Address."""
    webhook: Text = ""
    """URL that gets Alertmanager's JSON with the incident."""
    console: Flag = False
    """Print the page on the daemon's output."""
    name: Text = ""
    """Full name, for messages; the key when absent."""

    @field_validator("webhook", mode="before")
    @classmethod
    def _plain_url(cls, given: object) -> object:
        """Not a mapping, as receivers have it."""
        if isinstance(given, dict):
            raise MisfitError("a text is wanted here", "write the URL alone: `webhook: https://host/path`")
        return given


class StepSection(Section):
    """One step of a policy."""

    notify: Annotated[list[Text], AsList]
    """Targets: user:NAME, schedule:NAME, receiver:NAME, slack:#CHANNEL, email:ADDRESS, console:."""
    after: Span = 0
    """Delay since the step before (for the first one since the incident opened)."""


class ExhaustedSection(Section):
    """What goes on when all steps are done and nobody acknowledged."""

    notify: Annotated[list[Text], AsList] = []
    """Targets of the reminder; without any the fallback, or the last step's."""
    every: Span = 30 * MINUTE
    """The pause between reminders."""


def _lower(value: object) -> object:
    return value.text.lower() if isinstance(value, Scalar) else value


class PolicySection(Section):
    """An escalation policy: it goes on until somebody acknowledges."""

    steps: Annotated[list[StepSection], AsList] = Field(min_length=1)
    """In order."""
    repeat: Whole = 0
    """How often the steps are walked again after the first time; -1 for no end."""
    repeat_after: Span | None = None
    """The pause before they are walked again; by default the longest delay of the steps."""
    on_exhausted: ExhaustedSection = Field(default_factory=ExhaustedSection)
    """The slow reminder afterwards. There is no silence."""
    ack_timeout: Span | None = None
    """An acknowledged incident that is still open after so long pages again."""
    on_new_alert: Annotated[Literal["repage", "note"], BeforeValidator(_lower)] = "repage"
    """What another alert does to an acknowledged incident: page again, or only a note."""
    reopen_if_still_firing: Span = 15 * MINUTE
    """After a person's resolve, alerts that fire on open a new incident only after so long."""
    fallback: Annotated[list[Text], AsList] = []
    """Targets when a step reaches nobody or a page cannot be delivered."""
    warning_escalates: Flag = False
    """Do incidents with only warnings go past the first step?"""


class EscalateSection(Section):
    """A receiver that opens incidents: with the first alert of a group, without its `group_wait`."""

    policy: Text
    """The policy that is walked."""
    keep_pagerduty: Flag = False
    """Also notify the receiver's own pagerduty_configs, as Alertmanager does."""


class ScheduleSection(Section):
    """Who is on call. Rotations are not served yet: the people named are on call together."""

    tz: Text = "UTC"
    """Time zone of the hand-offs."""
    people: Annotated[list[Text], AsList] = []
    """On call, all of them."""


def _shorthand(value: object) -> object:
    """`receiver: policy` as well as `receiver: {policy: …}`."""
    return {"policy": value} if isinstance(value, Scalar) else value


Escalate = Annotated[EscalateSection, BeforeValidator(_shorthand)]
People = Annotated[dict[str, PersonSection], AsMapping]
Policies = Annotated[dict[str, PolicySection], AsMapping]
Schedules = Annotated[dict[str, ScheduleSection], AsMapping]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Names that targets may refer to."""

    people: frozenset[str]
    schedules: frozenset[str]
    receivers: frozenset[str] | None
    """None: nobody knows which there are."""


def read_policies(
    sections: Mapping[str, PolicySection], known: Known, document: Document, path: Path, findings: Findings
) -> dict[str, Policy]:
    """The policies; every target must exist."""
    found: dict[str, Policy] = {}
    for name, section in sections.items():
        here = (*path, name)
        steps = [
            PolicyStep(
                notify=_targets(step.notify, known, document, (*here, "steps", place, "notify"), findings),
                after=step.after,
            )
            for place, step in enumerate(section.steps)
        ]
        _judge_silent_steps(section, document, here, findings)
        policy = findings.attempt(
            document,
            here,
            lambda name=name, section=section, steps=steps, here=here: Policy(
                name=name,
                steps=tuple(steps),
                repeat=section.repeat,
                repeat_after=section.repeat_after,
                on_exhausted=OnExhausted(
                    notify=_targets(
                        section.on_exhausted.notify, known, document, (*here, "on_exhausted", "notify"), findings
                    ),
                    every=section.on_exhausted.every,
                ),
                ack_timeout=section.ack_timeout,
                on_new_alert=OnNewAlert(section.on_new_alert),
                reopen_if_still_firing=section.reopen_if_still_firing,
                fallback=_targets(section.fallback, known, document, (*here, "fallback"), findings),
                warning_escalates=section.warning_escalates,
            ),
        )
        if policy is not None:
            found[name] = policy
    return found


def _judge_silent_steps(section: PolicySection, document: Document, path: Path, findings: Findings) -> None:
    """A step without targets pages nobody; if all are so, the policy does not either."""
    silent = [place for place, step in enumerate(section.steps) if not step.notify]
    remedy = "name whom to page, such as user:NAME"
    if len(silent) == len(section.steps) and not section.fallback:
        for place in silent:
            findings.wrong(document, (*path, "steps", place, "notify"), "is empty: this policy pages nobody", remedy)
        return
    for place in silent:
        more = f"{remedy}, or leave the step out: `after` of the next one is the delay"
        findings.doubt(document, (*path, "steps", place, "notify"), "is empty: this step pages nobody", more)


def _targets(
    texts: Sequence[str], known: Known, document: Document, path: Path, findings: Findings
) -> tuple[Target, ...]:
    found: list[Target] = []
    names = {
        TargetKind.USER: ("people", known.people),
        TargetKind.SCHEDULE: ("schedules", known.schedules),
        TargetKind.RECEIVER: ("receivers", known.receivers),
    }
    for place, text in enumerate(texts):
        target = findings.attempt(document, (*path, place), lambda text=text: Target.parse(text))
        if target is None:
            continue
        section, have = names.get(target.kind, ("", None))
        if have is not None and target.name not in have:
            others = f", or use one of {', '.join(sorted(have))}" if have else ""
            findings.wrong(
                document, (*path, place), f'"{text}" is not defined', f"add {target.name} under {section}:{others}"
            )
        found.append(target)
    return tuple(found)
