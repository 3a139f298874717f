"""Rendering the texts of one rule's alerts.

What templates made of an element is kept, and taken again while the element has the same value: the elements of an answer
mostly come in the same order as in the one before, so no element is looked up.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from monitor.gotemplate.values import Function
from monitor.model.errors import PeerError, StoreError, UserError
from monitor.model.labels import EMPTY, METRIC_NAME, Labels
from monitor.model.samples import Sample, Vector
from monitor.model.times import Timestamp
from monitor.promql.parser import ParseError
from monitor.rules.groups import AlertingRule
from monitor.rules.ports import Querier
from monitor.rules.rule_files import parse_problem
from monitor.rules.states import same_value
from monitor.rules.texts import AlertData, Answers, Rendered, World

_AT_ONCE = 16
"""Alerts with plain texts that are rendered between two looks at the clock."""


class Rendering:
    """The texts of one rule, and what they made of the last answer."""

    __slots__ = ("_keeps_labels", "_known", "_plain", "_rule", "_timeless", "_world")

    def __init__(self, rule: AlertingRule) -> None:
        self._rule = rule
        self._keeps_labels, self._plain, self._timeless = rule.valueless, rule.plain, rule.timeless
        self._world: World | None = None
        self._known: Mapping[Labels, Rendered] = {}
        """By the element's labels, in the answer's order; made in `_world`, and only if the same is made of them again."""

    async def of(
        self,
        answer: Vector,
        at: Timestamp,
        world: World,
        querier: Querier,
        rest: Callable[[], Awaitable[None]],
    ) -> Sequence[Rendered]:
        """The texts for each element. `rest` is awaited between slices of work, and decides whether others get their turn."""
        before: Mapping[Labels, Rendered] = self._known if self._world is world else {}
        rendered: list[Rendered] = []
        anew: dict[Labels, Rendered] = {}
        answers: Answers | None = None
        in_order, as_before = iter(before.items()), len(before) == len(answer)
        for sample in answer:
            labels, known = next(in_order, _NOBODY)
            if labels is not sample.labels:
                as_before = False
                known = before.get(sample.labels)
            if known is None or not same_value(known.value, sample.value):
                own = known.labels if known is not None and self._keeps_labels else None
                if self._plain:
                    known = _rendered(self._rule, sample, own, world, {})
                else:
                    answers = answers or Answers(_asking(querier, at), world, at)
                    known = await answers.render(partial(_rendered, self._rule, sample, own, world))
                anew[sample.labels] = known
                if not self._plain or not len(anew) % _AT_ONCE:
                    await rest()
            rendered.append(known)
        if self._timeless:
            self._world = world
            if as_before:
                self._known = {**before, **anew} if anew else before
            else:
                self._known = {sample.labels: text for sample, text in zip(answer, rendered, strict=True)}
        return rendered


_NOBODY: tuple[Labels, Rendered | None] = (EMPTY, None)


def _asking(querier: Querier, at: Timestamp) -> Callable[[str], Awaitable[Vector]]:
    async def ask(query: str) -> Vector:
        try:
            return await querier.instant(query, at)
        except ParseError as error:
            raise ValueError(parse_problem(query, error)) from error
        except (UserError, PeerError, StoreError) as error:
            raise ValueError(str(error)) from error

    return ask


def _rendered(
    rule: AlertingRule, element: Sample, labels: Labels | None, world: World, known: Mapping[str, Function]
) -> Rendered:
    """`labels`: those that the alert has, if that is known."""
    data = AlertData(labels=element.labels, value=element.value, world=world)
    if labels is None:
        own = {name: text.render(data, known) for name, text in rule.labels}
        labels = element.labels.merged({METRIC_NAME: "", **own, "alertname": rule.name})
    # Unlike labels, annotations of nothing are there.
    annotations = Labels.of_sorted(tuple(sorted((name, text.render(data, known)) for name, text in rule.annotations)))
    return Rendered(labels=labels, annotations=annotations, value=element.value)
