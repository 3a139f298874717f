"""What templates made of an element is taken again as long as the same would be made of it."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from monitor.model.labels import Labels
from monitor.model.samples import Sample
from monitor.promql.engine import Options
from monitor.rules.groups import AlertingRule
from monitor.rules.inline import InlineQuerier
from monitor.rules.rendering import Rendering
from monitor.rules.texts import World
from monitor.tsdb.store import SampleStore
from tests.support.rule_worlds import groups_of

_HOSTS = [Labels({"host": str(number)}) for number in range(4)]
_WORLDS = [World(external_url="http://one"), World(external_url="http://two")]
_ANSWERS = st.lists(
    st.tuples(
        st.permutations(range(4)),
        st.integers(0, 4),
        st.lists(st.sampled_from([0.0, -0.0, 1.5]), min_size=4, max_size=4),
        st.sampled_from(_WORLDS),
    ),
    max_size=6,
)
"""In which order the hosts come, how many of them, with which values, in which world."""


async def _rest() -> None:
    pass


@given(_ANSWERS, st.sampled_from(["{{ $value }}", "{{ $value | humanize }} at {{ externalURL }}"]))
def test_whatever_came_before_the_texts_are_those_of_the_answer(
    answers: list[tuple[list[int], int, list[float], World]], text: str
) -> None:
    """Elements come, go, change places and values."""
    group = groups_of({"alert": "A", "expr": "x", "labels": {"l": "{{ $labels.host }}"}, "annotations": {"t": text}})[0]
    (rule,) = group.rules
    assert isinstance(rule, AlertingRule)
    querier = InlineQuerier(SampleStore.in_memory(1000).view, Options())

    async def compare() -> None:
        known = Rendering(rule)
        for order, count, values, world in answers:
            answer = tuple(Sample(_HOSTS[place], 0, values[place]) for place in order[:count])
            again = await known.of(answer, 0, world, querier, _rest)
            anew = await Rendering(rule).of(answer, 0, world, querier, _rest)
            assert list(map(repr, again)) == list(map(repr, anew))

    asyncio.run(compare())
