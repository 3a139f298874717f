"""Templates that know each other: parsed once, executed often."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

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
        try:
            found = parse(name, text, self.functions)
        except RecursionError:
            raise TemplateError(f"template: {name}: nested too deeply") from None
        for definition in found:
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
        try:
            return execute(definition, self.definitions, functions, data, missing_key=missing_key, limits=limits)
        except RecursionError:
            raise TemplateError(f"template: {name}: templates call each other too deeply for what they nest") from None

    def calls(self, function: str) -> bool:
        """May executing one of these templates call the function?"""
        return any(isinstance(node, tree.Identifier) and node.name == function for node in self.operands())

    def calls_of_templates(self, *names: str) -> Iterator[tuple[Definition, tree.Invoke]]:
        """Where these templates, or all of them, call another by its name, be that defined or not."""
        for definition in map(self.definitions.__getitem__, names or self.definitions):
            for call in _invocations(definition.root):
                yield definition, call

    def operands(self) -> Iterator[tree.Operand]:
        """All that the templates' expressions are made of; variables where they are read, not where they are declared."""
        for definition in self.definitions.values():
            yield from _operands(definition.root)

    def sparing(self, name: str) -> TemplateSet:
        """This set, the template without those declarations at its beginning whose variables nobody reads. For a prefix
        that offers more than most texts want."""
        read = {node.name for node in self.operands() if isinstance(node, tree.Variable)}
        definition = self.definitions[name]
        nodes = definition.root.nodes
        kept: list[tree.Node] = []
        for place, node in enumerate(nodes):
            if not isinstance(node, tree.Action) or not node.pipe.declared or node.pipe.assigns:
                kept += nodes[place:]
                break
            if any(variable.name in read for variable in node.pipe.declared):
                kept.append(node)
        root = tree.Block(definition.root.at, tuple(kept))
        return TemplateSet(self.functions, {**self.definitions, name: replace(definition, root=root)})


def _invocations(node: tree.Node | None) -> Iterator[tree.Invoke]:
    match node:
        case tree.Invoke():
            yield node
        case tree.Block(nodes=nodes):
            for child in nodes:
                yield from _invocations(child)
        case tree.If() | tree.With() | tree.Range():
            yield from _invocations(node.body)
            yield from _invocations(node.otherwise)
        case _:
            pass


def _operands(node: object) -> Iterator[tree.Operand]:
    match node:
        case tree.Block(nodes=nodes):
            for child in nodes:
                yield from _operands(child)
        case tree.Action(pipe=pipe) | tree.Invoke(pipe=pipe):
            yield from _operands(pipe)
        case tree.If() | tree.With() | tree.Range():
            for part in (node.pipe, node.body, node.otherwise):
                yield from _operands(part)
        case tree.Pipe(commands=commands):
            for command in commands:
                for operand in command.operands:
                    yield from _operands(operand)
        case tree.Chain(base=base):
            yield node
            yield from _operands(base)
        case tree.Dot() | tree.Nil() | tree.Constant() | tree.Field() | tree.Variable() | tree.Identifier():
            yield node
        case _:
            pass
