"""Walking a tree with data. Source of the rules and of the error texts: Go's text/template/exec.go.

The walk is bounded: steps (nodes, commands and loop turns), depth of `template` calls, and characters, both of the output
and of any text a function makes. What passes a bound fails as a template that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from monitor.gotemplate import tree
from monitor.gotemplate.evaluation import Evaluation, Limits, MissingKey
from monitor.gotemplate.format import sorted_keys, text_of
from monitor.gotemplate.values import NOTHING, Function, Value, mapping_of, sequence_of, truth
from monitor.model.labels import quote

DEFAULT_LIMITS: Final = Limits()


def execute(
    definition: tree.Definition,
    definitions: Mapping[str, tree.Definition],
    functions: Mapping[str, Function],
    data: Value,
    *,
    missing_key: MissingKey = MissingKey.INVALID,
    limits: Limits = DEFAULT_LIMITS,
) -> str:
    """The text. `definitions` are the templates that `template` may call. Raises TemplateError, and whatever a function
    raises beside ValueError."""
    return _Run(definition, definitions, functions, missing_key, limits, data).result()


class _Leave(Enum):
    BREAK = "break"
    CONTINUE = "continue"


class _Run(Evaluation):
    def __init__(
        self,
        definition: tree.Definition,
        definitions: Mapping[str, tree.Definition],
        functions: Mapping[str, Function],
        missing: MissingKey,
        limits: Limits,
        data: Value,
    ) -> None:
        super().__init__(definition, functions, missing, limits, data)
        self.data = data
        self.definitions = definitions
        self.out: list[str] = []
        self.size = 0
        self.depth = 0

    def result(self) -> str:
        self._block(self.definition.root, self.data)
        return "".join(self.out)

    def _emit(self, text: str) -> None:
        self.size += len(text)
        if self.size > self.limits.output:
            raise self._error(f"output longer than {self.limits.output} characters")
        self.out.append(text)

    # -- statements

    def _block(self, block: tree.Block, dot: Value) -> _Leave | None:
        for node in block.nodes:
            leave = self._walk(node, dot)
            if leave is not None:
                return leave
        return None

    def _walk(self, node: tree.Node, dot: Value) -> _Leave | None:
        self._step(node)
        match node:
            case tree.Text(text=text):
                self._emit(text)
            case tree.Action(pipe=pipe):
                value = self._pipe(pipe, dot)
                if not pipe.declared:
                    self.node = node
                    self._print(node, value)
            case tree.If() | tree.With():
                mark = len(self.variables)
                value = self._pipe(node.pipe, dot)
                leave = None
                if truth(value):
                    leave = self._block(node.body, value if isinstance(node, tree.With) else dot)
                elif node.otherwise is not None:
                    leave = self._block(node.otherwise, dot)
                del self.variables[mark:]
                return leave
            case tree.Range():
                return self._range(node, dot)
            case tree.Break():
                return _Leave.BREAK
            case tree.Continue():
                return _Leave.CONTINUE
            case tree.Invoke():
                self._invoke(node, dot)
            case tree.Block():
                return self._block(node, dot)
        return None

    def _print(self, node: tree.Action, value: Value) -> None:
        if isinstance(value, Function):
            raise self._error(f"can't print {node} of type func")
        try:
            if node.escape is not None:
                shown = node.escape(value)
            else:
                shown = value if isinstance(value, str) else text_of("<no value>" if value is None else value)
        except ValueError as error:
            raise self._error(str(error)) from error
        self._emit(shown)

    def _range(self, node: tree.Range, dot: Value) -> _Leave | None:
        outer = len(self.variables)
        value = self._pipe(node.pipe, dot)
        pairs: list[tuple[Value, Value]]
        if value is None or value is NOTHING:
            pairs = []
        elif (mapping := mapping_of(value)) is not None:
            pairs = [(key, mapping[key]) for key in sorted_keys(mapping)]
        elif (sequence := sequence_of(value)) is not None:
            pairs = list(enumerate(sequence))
        elif isinstance(value, int) and not isinstance(value, bool):
            if len(node.pipe.declared) > 1:
                raise self._error(f"can't use {value} to iterate over more than one variable")
            if value > self.limits.steps:
                raise self._error(f"more than {self.limits.steps} steps")
            pairs = [(number, number) for number in range(value)]
        else:
            raise self._error(f"range can't iterate over {text_of(value)}")
        mark = len(self.variables)
        leave = None
        for key, item in pairs:
            self._turn(node, key, item, mark)
            leave = self._block(node.body, item)
            del self.variables[mark:]
            if leave is _Leave.BREAK:
                break
        if not pairs and node.otherwise is not None:
            leave = self._block(node.otherwise, dot)
            del self.variables[outer:]
            return leave
        del self.variables[outer:]
        return None

    def _turn(self, node: tree.Range, key: Value, item: Value, mark: int) -> None:
        """Give the loop's variables their values: one variable is the element, of two the first is the key."""
        self._step(node)
        names = [variable.name for variable in node.pipe.declared]
        values = [item] if len(names) == 1 else [key, item]
        for number, (name, value) in enumerate(zip(names, values, strict=False)):
            if node.pipe.assigns:
                self._assign(name, value)
            else:
                self.variables[mark - len(names) + number] = (name, value)

    def _invoke(self, node: tree.Invoke, dot: Value) -> None:
        called = self.definitions.get(node.name)
        if called is None:
            raise self._error(f"template {quote(node.name)} not defined")
        if self.depth >= self.limits.depth:
            raise self._error(f"exceeded maximum template depth ({self.limits.depth})")
        value = self._pipe(node.pipe, dot) if node.pipe is not None else NOTHING
        outer = self.definition, self.variables
        self.definition, self.variables = called, [("$", value)]
        self.depth += 1
        self._block(called.root, value)
        self.depth -= 1
        self.definition, self.variables = outer
