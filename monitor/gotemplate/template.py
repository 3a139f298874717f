"""Templates that know each other: parsed once, executed often."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from monitor.gotemplate import tree
from monitor.gotemplate.builtin_functions import BUILTINS
from monitor.gotemplate.evaluation import Limits, MissingKey
from monitor.gotemplate.executor import DEFAULT_LIMITS, execute
from monitor.gotemplate.parser import parse
from monitor.gotemplate.tree import Definition
from monitor.gotemplate.values import Function, Value
from monitor.model.errors import TemplateError
from monitor.model.labels import quote


@dataclass(frozen=True, slots=True)
class TemplateSet:
    """Named templates, and the names of the functions they may call. A value: `parse` gives another set."""

    functions: frozenset[str]
    definitions: Mapping[str, Definition] = field(default_factory=dict[str, Definition])

    @classmethod
    def allowing(cls, functions: Collection[str]) -> TemplateSet:
        """An empty set whose templates may call these functions and Go's own."""
        return cls(frozenset(functions) | frozenset(BUILTINS))

    def parse(self, name: str, text: str) -> TemplateSet:
        """This set with the templates of a text added; the text itself is called `name`. Later definitions replace
        earlier ones, unless they hold nothing but white space. Raises TemplateError."""
        definitions = dict(self.definitions)
        for definition in parse(name, text, self.functions):
            known = definitions.get(definition.name)
            if known is None or not definition.empty or known.empty:
                definitions[definition.name] = definition
        return TemplateSet(self.functions, definitions)

    def execute(
        self,
        name: str,
        data: Value,
        functions: Mapping[str, Function],
        *,
        missing_key: MissingKey = MissingKey.INVALID,
        limits: Limits = DEFAULT_LIMITS,
    ) -> str:
        """The text of one template. `functions` are the meanings of the names; see `executor.execute`. Raises
        TemplateError."""
        definition = self.definitions.get(name)
        if definition is None:
            raise TemplateError(f"template: no template {quote(name)} associated with template {quote(name)}")
        return execute(definition, self.definitions, functions, data, missing_key=missing_key, limits=limits)

    def calls(self, function: str) -> bool:
        """May executing one of these templates call the function?"""
        return any(_mentions(definition.root, function) for definition in self.definitions.values())


def _mentions(node: object, function: str) -> bool:
    match node:
        case tree.Identifier(name=name):
            return name == function
        case tree.Block(nodes=nodes):
            return any(_mentions(child, function) for child in nodes)
        case tree.Action(pipe=pipe) | tree.Invoke(pipe=pipe):
            return pipe is not None and _mentions(pipe, function)
        case tree.If() | tree.With() | tree.Range():
            return any(
                _mentions(child, function) for child in (node.pipe, node.body, node.otherwise) if child is not None
            )
        case tree.Pipe(commands=commands):
            return any(_mentions(operand, function) for command in commands for operand in command.operands)
        case tree.Chain(base=base):
            return _mentions(base, function)
        case _:
            return False
