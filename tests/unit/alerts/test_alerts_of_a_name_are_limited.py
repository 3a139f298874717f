"""So many alerts of a name, and others as before."""

from __future__ import annotations

from monitor.alerts.name_limit import OTHER_NAMES, NameLimit
from monitor.model.alerts import Alert
from monitor.model.labels import Labels

NOW = 1_767_225_600_000


def alert(name: str, instance: str, ends_at: int = NOW + 60_000) -> Alert:
    """One that fires until then."""
    labels = Labels({"alertname": name, "instance": instance})
    return Alert(labels=labels, annotations=Labels({}), starts_at=NOW, ends_at=ends_at, updated_at=NOW)


def test_further_alerts_of_a_full_name_are_left_out() -> None:
    """Other names are not concerned, and known alerts may be reported again."""
    limit = NameLimit(2)
    flood = [alert("Flood", instance) for instance in "abc"]
    assert limit.admit([*flood, alert("Down", "a")], NOW) == [*flood[:2], alert("Down", "a")]
    assert limit.admit(flood[:2], NOW + 1) == flood[:2]
    assert limit.refused == {"Flood": 1}


def test_what_has_ended_makes_room() -> None:
    """By its own report or by its time."""
    limit = NameLimit(1)
    assert limit.admit([alert("Flood", "a")], NOW)
    assert limit.admit([alert("Flood", "b")], NOW) == []
    assert limit.admit([alert("Flood", "a", ends_at=NOW)], NOW)
    assert limit.admit([alert("Flood", "b")], NOW + 1)


def test_without_a_limit_all_are_taken() -> None:
    """However many."""
    many = [alert("Flood", str(number)) for number in range(100)]
    assert NameLimit(0).admit(many, NOW) == many


def test_names_whose_alerts_have_ended_are_forgotten() -> None:
    """Names are made by strangers too; what still fires is counted as before."""
    limit = NameLimit(1)
    for number in range(5_000):
        limit.admit(
            [alert("Lasting", "a", ends_at=NOW + 10_000), alert(str(number), "a", NOW + number + 1)], NOW + number
        )
    assert limit.names <= 1_000
    assert limit.admit([alert("Lasting", "b")], NOW + 5_000) == []


def test_of_further_refused_names_only_the_number_is_kept() -> None:
    """A thousand are told apart."""
    limit = NameLimit(1)
    for number in range(1_500):
        limit.admit([alert(str(number), instance) for instance in "abc"], NOW)
    assert (limit.refused["0"], limit.refused[OTHER_NAMES], len(limit.refused)) == (2, 1_000, 1_001)
    limit.admit([alert("0", "c")], NOW)
    assert limit.refused["0"] == 3
