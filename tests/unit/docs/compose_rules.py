"""The part of the Compose specification that our files use, as a JSON Schema of our own.

Strict where the specification is wide: a key that is not here is a mistake, so that a slip of the pen is found without an
engine. Source: compose-spec, spec.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any, cast

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

_TEXTS: dict[str, Any] = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_SERVICE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "image": {"type": "string", "pattern": r"^[a-z0-9./_-]+(:[\w.-]+)?$"},
        "build": {"type": "string"},
        "command": _TEXTS,
        "environment": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "propertyNames": {"pattern": "^[A-Z][A-Z0-9_]*$"},
        },
        "volumes": {"type": "array", "items": {"type": "string", "pattern": r"^[\w./-]+:/[\w./-]+(:ro|:rw)?$"}},
        "ports": {
            "type": "array",
            "items": {"type": "string", "pattern": r"^(\d{1,3}(\.\d{1,3}){3}:)?\d{1,5}:\d{1,5}(/(tcp|udp))?$"},
        },
        "user": {"type": "string", "pattern": r"^\d+:\d+$"},
        "read_only": {"type": "boolean"},
        "tmpfs": {"type": "array", "items": {"type": "string", "pattern": r"^/\w+(:[\w=,]+)?$"}},
        "cap_drop": {"type": "array", "items": {"type": "string", "pattern": "^[A-Z_]+$"}},
        "security_opt": _TEXTS,
        "mem_limit": {"type": "string", "pattern": "^[0-9]+[bkmg]$"},
        "pids_limit": {"type": "integer", "minimum": 1},
        "stop_grace_period": {"type": "string", "pattern": "^([0-9]+(us|ms|s|m|h))+$"},
        "restart": {"enum": ["no", "always", "on-failure", "unless-stopped"]},
        "depends_on": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["condition"],
                "properties": {
                    "condition": {"enum": ["service_started", "service_healthy", "service_completed_successfully"]}
                },
            },
        },
    },
    "anyOf": [{"required": ["image"]}, {"required": ["build"]}],
}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["services"],
    "properties": {
        "services": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": "^[a-zA-Z0-9._-]+$"},
            "additionalProperties": _SERVICE,
        },
        "volumes": {"type": "object", "additionalProperties": {"type": ["object", "null"]}},
    },
}

_VARIABLE = re.compile(r"\$\{[A-Z_]+(:-[^}]*)?\}")


def problems_of_compose(text: str) -> list[str]:
    """What is wrong with a compose file, as far as it can be seen without an engine."""
    document: Any = yaml.safe_load(text)
    errors: Iterable[ValidationError] = Draft202012Validator(SCHEMA).iter_errors(document)  # pyright: ignore[reportUnknownMemberType]
    problems = [f"{'.'.join(str(part) for part in error.absolute_path)}: {error.message}" for error in errors]
    if problems:
        return problems
    services = cast("dict[str, dict[str, Any]]", document["services"])
    volumes = set(cast("dict[str, Any]", document.get("volumes", {})))
    for name, service in services.items():
        problems += [f"{name} waits for {other}, which is not there" for other in _others(service, services)]
        for volume in cast("list[str]", service.get("volumes", [])):
            source, target = volume.split(":")[:2]
            if not source.startswith((".", "/")) and source not in volumes:
                problems.append(f"{name} mounts the volume {source}, which is not declared")
            if ".." in PurePosixPath(target).parts:
                problems.append(f"{name} mounts at {target}")
        for key, value in cast("dict[str, str]", service.get("environment", {})).items():
            if "$" in _VARIABLE.sub("", value):
                problems.append(f"{name}: {key} has a variable that is not written as ${{NAME}}")
    return problems


def _others(service: dict[str, Any], services: dict[str, dict[str, Any]]) -> list[str]:
    return [other for other in cast("dict[str, Any]", service.get("depends_on", {})) if other not in services]
