"""Discovery at the smaller clouds and hosters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from monitor.config.golang.kinds import File, Reading, Secret, Text, url_mistake
from monitor.config.golang.structs import ListOf, Struct, Values, need, refuse_unknown_word
from monitor.config.prometheus.discovery.shapes import PORT, asking, every, one_secret_key, plain, role
from monitor.model.labels import quote


def _stackit(values: Values, reading: Reading) -> None:
    endpoint = values.text("endpoint")
    wrong = url_mistake(endpoint)
    if not endpoint and not values.text("region"):
        reading.refuse(values.at("region"), "stackit_sd: endpoint and region missing", "set region")
    elif wrong:
        text = f"stackit_sd: invalid endpoint {quote(endpoint)}: {wrong}"
        reading.refuse(values.at("endpoint"), text, "write https://host")


STRUCTS: Final[Mapping[str, Struct]] = {
    "digitalocean_sd": asking("digitalocean", {"port": PORT, "refresh_interval": every(60)}),
    "hetzner_sd": asking(
        "hetzner",
        {"role": Text(), "port": PORT, "refresh_interval": every(60), "label_selector": Text()},
        role(("robot", "hcloud"), "role missing (one of: robot, hcloud)"),
    ),
    "ionos_sd": asking(
        "ionos",
        {"datacenter_id": Text(), "port": PORT, "refresh_interval": every(60)},
        need("datacenter_id", "datacenter id can't be empty"),
    ),
    "linode_sd": asking(
        "linode", {"port": PORT, "refresh_interval": every(60), "region": Text(), "tag_separator": Text(default=",")}
    ),
    "outscale_sd": asking(
        "outscale",
        {
            "region": Text(default="eu-west-2"),
            "endpoint": Text(),
            "access_key": Text(),
            "secret_key": Secret(),
            "secret_key_file": File(),
            "port": PORT,
            "refresh_interval": every(60),
        },
        one_secret_key,
        need("access_key", "access_key is mandatory"),
    ),
    "ovhcloud_sd": plain(
        "ovhcloud",
        {
            "endpoint": Text(default="ovh-eu"),
            "application_key": Text(),
            "application_secret": Secret(),
            "consumer_key": Secret(),
            "refresh_interval": every(60),
            "service": Text(),
        },
        need("endpoint", "endpoint can not be empty"),
        need("application_key", "application key can not be empty"),
        need("application_secret", "application secret can not be empty"),
        need("consumer_key", "consumer key can not be empty"),
        refuse_unknown_word("service", ("vps", "dedicated_server"), "unknown service: {0}"),
    ),
    "scaleway_sd": asking(
        "scaleway",
        {
            "project_id": Text(),
            "api_url": Text(default="https://api.scaleway.com"),
            "zone": Text(default="fr-par-1"),
            "access_key": Text(),
            "secret_key": Secret(),
            "secret_key_file": File(),
            "name_filter": Text(),
            "tags_filter": ListOf(),
            "role": Text(),
            "port": PORT,
            "refresh_interval": every(60),
        },
        role(("instance", "baremetal"), "role missing (one of: instance, baremetal)"),
        need("project_id", "project_id is mandatory"),
        one_secret_key,
        need("access_key", "access_key is mandatory"),
    ),
    "stackit_sd": asking(
        "stackit",
        {
            "project": Text(),
            "region": Text(default="eu01"),
            "endpoint": Text(),
            "port": PORT,
            "refresh_interval": every(60),
            "service_account_key": Secret(),
            "service_account_key_path": Text(),
            "private_key": Secret(),
            "private_key_path": Text(),
            "credentials_file_path": Text(),
        },
        _stackit,
    ),
    "vultr_sd": asking("vultr", {"port": PORT, "refresh_interval": every(60)}),
}
