"""`${VAR}` and `${VAR:-default}` in our own file. Files that others invented stay as they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from monitor.config.covering import may_name_variable
from monitor.config.findings import Findings
from monitor.config.yamltree import Document, Path, Scalar, Tree

_VARIABLE: Final = re.compile(r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})")


def expand(tree: Tree, environment: Mapping[str, str], document: Document, findings: Findings, path: Path = ()) -> Tree:
    """The tree with every variable replaced; `$$` is a dollar. A variable that is not set and has no default is a mistake, and
    stays as it is written, so that the rest is looked at as well."""
    if isinstance(tree, list):
        return [expand(item, environment, document, findings, (*path, place)) for place, item in enumerate(tree)]
    if isinstance(tree, dict):
        return {key: expand(value, environment, document, findings, (*path, key)) for key, value in tree.items()}
    if "$" not in tree.text:
        return tree

    def value(match: re.Match[str]) -> str:
        name, default = match.group(1), match.group(2)
        if name is None:
            return "$"
        found = environment.get(name) or default
        if found is None:
            if may_name_variable(path, tree.text, name):
                problem = f"the environment variable {name} is not set"
                remedy = f"set it, or write ${{{name}:-default}}"
            else:
                problem = "an environment variable that is named here is not set"
                remedy = "set it, or write ${NAME:-default}; $$ is a dollar"
            findings.wrong(document, path, problem, remedy)
            findings.explained()
            return match.group()
        return found

    return Scalar(_VARIABLE.sub(value, tree.text), tree.quoted)
