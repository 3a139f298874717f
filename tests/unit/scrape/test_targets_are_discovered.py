"""Jobs are handed on with what their mechanisms find; what cannot be read keeps what was known."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from monitor.model.errors import PeerError
from monitor.model.labels import EMPTY, Labels
from monitor.model.times import MINUTE, SECOND
from monitor.scrape.discovery import Found, read_groups
from monitor.scrape.jobs import ScrapeJob, TargetGroup
from tests.support.discovered import DiscoveryWorld, Scripted

STATIC = TargetGroup(addresses=("static:1",), source="static 0")


def group(*addresses: str, **labels: str) -> TargetGroup:
    return TargetGroup(addresses=addresses, labels=Labels(labels) if labels else EMPTY, source="s")


def job(name: str, *mechanisms: Scripted, groups: Sequence[TargetGroup] = ()) -> ScrapeJob:
    return ScrapeJob(name=name, discover=mechanisms, groups=tuple(groups))


async def test_what_is_found_joins_what_is_static() -> None:
    """At once the static ones, then the others; unchanged answers are not handed on again."""
    world = DiscoveryWorld()
    world.answers["a"] = Found({"s": (group("found:1"),)})
    world.discovering.apply([job("j", Scripted("a"), groups=[STATIC]), job("k")])
    assert world.addresses() == {"j": ["static:1"], "k": []}
    await world.go(world.wall)
    assert world.addresses() == {"j": ["static:1", "found:1"], "k": []}
    handed = len(world.handed)
    await world.go(world.wall + 30 * SECOND)
    assert [at for at, _ in world.asked] == [1_000_000, 1_030_000]
    assert len(world.handed) == handed
    world.answers["a"] = Found({"s": ()})
    await world.go(world.wall + 30 * SECOND)
    assert world.addresses() == {"j": ["static:1"], "k": []}


async def test_a_look_that_fails_keeps_what_was_known_and_is_told_once() -> None:
    """Until it is mended and breaks anew, or breaks in another way."""
    world = DiscoveryWorld()
    world.answers["a"] = Found({"s": (group("found:1"),)})
    world.discovering.apply([job("j", Scripted("a"))])
    await world.go(world.wall)
    for answer in (PeerError("refused"), PeerError("refused"), PeerError("no answer"), world.answers["a"]):
        world.answers["a"] = answer
        await world.go(world.wall + 30 * SECOND)
        assert world.addresses() == {"j": ["found:1"]}
    assert world.failed == [("j", "refused"), ("j", "no answer")]
    assert world.discovering.problems() == {}


async def test_a_reload_keeps_what_is_known_of_a_mechanism_that_stays() -> None:
    """Of one that goes nothing is left, and a new one is looked at when it comes."""
    world = DiscoveryWorld()
    world.answers = {name: Found({name: (group(f"{name}:1"),)}) for name in "abc"}
    world.discovering.apply([job("j", Scripted("a"), Scripted("b"))])
    await world.go(world.wall)
    world.discovering.apply([job("j", Scripted("b"), Scripted("c"))])
    assert world.addresses() == {"j": ["b:1"]}
    await world.go(world.wall + 1)
    assert world.addresses() == {"j": ["b:1", "c:1"]}
    assert [name for _, name in world.asked] == ["a", "b", "c"]


async def test_a_clock_set_back_does_not_stop_the_looks() -> None:
    """They go on within a refresh interval of the new time."""
    world = DiscoveryWorld()
    world.discovering.apply([job("j", Scripted("a", refresh=MINUTE))])
    await world.go(50_000_000)
    await world.go(40_000_000)
    assert [at for at, _ in world.asked] == [50_000_000, 40_000_000]


def test_documents_list_groups_in_json_and_yaml() -> None:
    """Every value stays the text that it is; null and nothing are no groups."""
    text = "- targets: [a:1, 10:22]\n  labels: {version: 1.10, up: yes}\n- targets:\n  labels:\n"
    first, second = read_groups(text, "f", {"__meta_filepath": "f"}, is_json=False)
    assert first.addresses == ("a:1", "10:22")
    assert first.labels == Labels({"version": "1.10", "up": "yes", "__meta_filepath": "f"})
    assert (second.addresses, second.labels) == ((), Labels({"__meta_filepath": "f"}))
    assert read_groups('[{"targets": ["b:1"]}]', "f", {}, is_json=True)[0].addresses == ("b:1",)
    assert read_groups("", "f", {}, is_json=False) == ()
    assert read_groups("null", "f", {}, is_json=True) == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is not JSON"),
        ("{}", "is not a list"),
        ("[1]", "group 0 is not a mapping"),
        ('[{"targets": "a:1"}]', "targets of group 0 is not a list of texts"),
        ('[{}, {"targets": [1]}]', "targets of group 1 is not a list of texts"),
        ('[{"labels": {"a": 1}}]', "labels of group 0 is not a mapping of texts"),
    ],
)
def test_a_document_of_another_shape_is_refused_with_its_place(text: str, problem: str) -> None:
    """And never taken in part."""
    with pytest.raises(PeerError, match=problem):
        read_groups(text, "f", {}, is_json=True)


def test_a_document_cannot_grow_beyond_all_bounds() -> None:
    """Aliases make much out of little."""
    text = "- &g {targets: [" + ",".join(["a:1"] * 2000) + "]}\n" + "- *g\n" * 200
    with pytest.raises(PeerError, match="more than 200000 targets"):
        read_groups(text, "f", {}, is_json=False)
