"""Which module knows which way of discovery. A module is imported when a file names one of its ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import ClassVar, Final

from monitor.config.golang.kinds import Kind, Reading
from monitor.config.golang.structs import ListOf, Struct
from monitor.config.yamltree import Path, Tree

_MODULES: Final[Mapping[str, tuple[str, ...]]] = {
    "served": ("static", "file_sd", "http_sd", "dns_sd", "docker_sd"),
    "clusters": (
        "dockerswarm_sd", "kubernetes_sd", "kuma_sd", "marathon_sd", "nomad_sd", "openstack_sd", "triton_sd", "uyuni_sd",
    ),
    "clouds": (
        "aws_sd", "azure_sd", "ec2_sd", "ecs_sd", "elasticache_sd", "gce_sd", "lightsail_sd", "msk_sd", "oci_sd", "rds_sd",
    ),
    "hosters": (
        "digitalocean_sd", "hetzner_sd", "ionos_sd", "linode_sd", "outscale_sd", "ovhcloud_sd", "scaleway_sd",
        "stackit_sd", "vultr_sd",
    ),
    "registries": ("consul_sd", "eureka_sd", "nerve_sd", "puppetdb_sd", "serverset_sd"),
}  # fmt: skip
SERVED: Final = tuple(f"{name}_configs" for name in _MODULES["served"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery(Kind):
    """A list of one way's structures, which are looked up when they are needed."""

    key: str
    module: str
    word: ClassVar[str] = "list"

    @property
    def empty(self) -> object:
        return []

    def kind(self) -> ListOf:
        structs: Mapping[str, Struct] = import_module(f"{__package__}.{self.module}").STRUCTS
        name = self.key.removesuffix("_configs")
        return ListOf(item=structs[name], nothing=f"empty or null section in {self.key}")

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        before = reading.mistakes
        found = self.kind().read(tree, path, reading)
        if self.key not in SERVED and found and reading.mistakes == before:
            remedy = "these targets are not found: list them through file_sd_configs or http_sd_configs"
            reading.doubt(path, "is known but not served yet", remedy)
        return found

    def schema(self) -> dict[str, object]:
        return self.kind().schema() if self.key in SERVED else {}


DISCOVERIES: Final[Mapping[str, Kind]] = {
    f"{name}_configs": Discovery(key=f"{name}_configs", module=module)
    for module, names in _MODULES.items()
    for name in names
}
"""By key, in scrape jobs and in the alerting section."""
