"""A version that changes while the daemon starts, or while its database is away, is a deployment nevertheless."""

from __future__ import annotations

from pathlib import Path

from monitor.app.deployments import Deployments
from monitor.app.drivers import Stores
from monitor.app.probes import Probes
from monitor.model.changes import AuditEntry, Deployment
from monitor.model.errors import StoreError
from monitor.model.times import MINUTE, SECOND
from monitor.simulate.loop import run
from monitor.simulate.world import World, healthy
from monitor.state.audit_store import SqlAuditStore
from monitor.state.database import Database
from tests.support.story_files import story_configuration


class _Away(SqlAuditStore):
    """Refuses the first three."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.refused = 0

    async def add_deployment(self, deployment: Deployment, entry: AuditEntry) -> None:
        if self.refused < 3:
            self.refused += 1
            raise StoreError("the disk is full")
        await super().add_deployment(deployment, entry)


def test_a_version_seen_before_everything_is_up_is_recorded_once_it_can_be(tmp_path: Path) -> None:
    """The first probe after a start shows it, and by then nobody is there to be told."""
    world = World(story_configuration(tmp_path))

    async def story() -> None:
        world.states["api"] = healthy(version="1.4.0")
        await world.start()
        await world.clock.sleep(2 * MINUTE)
        drivers = world.running.drivers
        world.probes.probing.close()
        world.states["api"] = healthy(version="1.5.0")
        probes = Probes(world.configuration, drivers, world.outside(), world.samples, Stores(world.database))
        await probes.start()
        await world.clock.sleep(MINUTE)
        store = _Away(world.database)
        deployments = await Deployments.load(store, "", world.time.now())
        assert deployments.since(world.time.now()) == ()
        probes.hand_over(deployments)
        await world.clock.sleep(5 * SECOND)
        assert store.refused == 3
        assert [(one.service, one.version, one.previous) for one in deployments.since(world.time.now())] == [
            ("api", "1.5.0", "1.4.0")
        ]
        assert [one.version for one in await store.deployments(0)] == ["1.5.0"]
        await probes.close()
        await world.crash()
        assert world.crashes == []

    run(story(), world.loop)
