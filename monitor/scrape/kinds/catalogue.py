"""Every kind of mechanism that finds targets, by its options."""

from __future__ import annotations

from collections.abc import Mapping

from monitor.net.asking import Asking
from monitor.scrape.discovering import Finder
from monitor.scrape.kinds.dns_targets import DnsFinder, DnsTargets, c_ares
from monitor.scrape.kinds.docker_targets import DockerFinder, DockerTargets
from monitor.scrape.kinds.file_targets import FileFinder, FileTargets
from monitor.scrape.kinds.http_targets import HttpFinder, HttpTargets


def make_finders(asking: Asking) -> Mapping[type, Finder]:
    """One of each."""
    return {
        FileTargets: FileFinder(),
        HttpTargets: HttpFinder(asking),
        DnsTargets: DnsFinder(c_ares()),
        DockerTargets: DockerFinder(asking),
    }
