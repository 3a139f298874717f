"""Tokens to trees. Source of the grammar and of the error texts: Go's text/template/parse/parse.go.

Parsing checks all that can be known without data: functions and variables exist, actions close, `break` stands in a
`range`. Errors are `template: name:line: what`, as Go's.
"""

from __future__ import annotations

from collections.abc import Container

from monitor.gotemplate.lexer import Item, Token, lex
from monitor.gotemplate.literals import number, unquote
from monitor.gotemplate.tokens import Tokens
from monitor.gotemplate.tree import (
    Action,
    Block,
    Break,
    Chain,
    Command,
    Constant,
    Continue,
    Definition,
    Dot,
    Field,
    Identifier,
    If,
    Invoke,
    Nil,
    Node,
    Operand,
    Pipe,
    Range,
    Text,
    Variable,
    With,
)

MAX_NESTING = 60
"""Of blocks and parentheses together; each level costs a handful of stack frames here and in the executor."""


def parse(name: str, text: str, functions: Container[str]) -> tuple[Definition, ...]:
    """All templates defined in a text: those of its `define` and `block` actions, and last its own under `name`.
    Raises TemplateError."""
    return _Parser(name, text, functions).definitions()


class _Stop:
    """`{{end}}` or `{{else}}`: what ends a list."""

    __slots__ = ("word",)

    def __init__(self, word: str) -> None:
        self.word = word

    def __str__(self) -> str:
        return f"{{{{{self.word}}}}}"


_STARTS = frozenset(
    (
        Token.BOOL,
        Token.RUNE,
        Token.DOT,
        Token.FIELD,
        Token.IDENTIFIER,
        Token.NUMBER,
        Token.NIL,
        Token.RAW,
        Token.STRING,
        Token.VARIABLE,
        Token.LEFT,
    ),
)


class _Parser(Tokens):
    def __init__(self, name: str, text: str, functions: Container[str]) -> None:
        super().__init__(name, lex(text))
        self.text = text
        self.functions = functions
        self.variables = ["$"]
        self.ranges = 0
        self.nesting = 0
        self.found: list[Definition] = []

    def definitions(self) -> tuple[Definition, ...]:
        nodes: list[Node] = []
        while self.peek().token is not Token.END:
            if self.peek().token is Token.OPEN:
                opening = self.next()
                word = self.next_solid()
                if word.token is Token.KEYWORD and word.text == "define":
                    self._define()
                    continue
                self.back(word)
                self.back(opening)
            node = self._text_or_action()
            if isinstance(node, _Stop):
                raise self.error(f"unexpected {node}")
            nodes.append(node)
        self.found.append(Definition(self.name, self.name, self.text, Block(0, tuple(nodes))))
        return tuple(self.found)

    # -- actions

    def _text_or_action(self) -> Node | _Stop:
        item = self.next_solid()
        if item.token is Token.TEXT:
            return Text(item.at, item.text)
        if item.token is Token.OPEN:
            self.action_line = item.line
            self.nesting += 1
            if self.nesting > MAX_NESTING:
                raise self.error(f"nested deeper than {MAX_NESTING} levels")
            node = self._action()
            self.nesting -= 1
            self.action_line = 0
            return node
        raise self.unexpected(item, "input")

    def _action(self) -> Node | _Stop:
        item = self.next_solid()
        if item.token is Token.KEYWORD:
            match item.text:
                case "if" | "with" | "range":
                    return self._control(item)
                case "end":
                    self.expect(Token.CLOSE, "end")
                    return _Stop("end")
                case "else":
                    following = self.peek_solid()
                    if not (following.token is Token.KEYWORD and following.text in ("if", "with")):
                        self.expect(Token.CLOSE, "else")
                    return _Stop("else")
                case "break" | "continue":
                    return self._leave(item)
                case "template":
                    return self._invoke()
                case "block":
                    return self._block()
                case _:
                    pass
        self.back(item)
        return Action(item.at, self._pipeline("command", Token.CLOSE))

    def _leave(self, item: Item) -> Node:
        following = self.next_solid()
        if following.token is not Token.CLOSE:
            raise self.unexpected(following, f"{{{{{item.text}}}}}")
        if not self.ranges:
            raise self.error(f"{{{{{item.text}}}}} outside {{{{range}}}}")
        return Break(item.at) if item.text == "break" else Continue(item.at)

    def _control(self, item: Item) -> If | With | Range:
        word = item.text
        scope = len(self.variables)
        pipe = self._pipeline(word, Token.CLOSE)
        self.ranges += word == "range"
        body, stop = self._list()
        self.ranges -= word == "range"
        otherwise: Block | None = None
        if stop.word == "else":
            following = self.peek_solid()
            if word in ("if", "with") and following.token is Token.KEYWORD and following.text == word:
                again = self.next_solid()
                otherwise = Block(again.at, (self._control(again),))
            else:
                otherwise, stop = self._list()
                if stop.word != "end":
                    raise self.error(f"expected end; found {stop}")
        del self.variables[scope:]
        kind = {"if": If, "with": With, "range": Range}[word]
        return kind(pipe.at, pipe, body, otherwise)

    def _list(self) -> tuple[Block, _Stop]:
        start = self.peek_solid().at
        nodes: list[Node] = []
        while self.peek_solid().token is not Token.END:
            node = self._text_or_action()
            if isinstance(node, _Stop):
                return Block(start, tuple(nodes)), node
            nodes.append(node)
        raise self.error("unexpected EOF")

    def _define(self) -> None:
        context = "define clause"
        name = self._name(self.next_solid(), context)
        self.expect(Token.CLOSE, context)
        self._body(name, context)

    def _block(self) -> Node:
        context = "block clause"
        item = self.next_solid()
        name = self._name(item, context)
        pipe = self._pipeline(context, Token.CLOSE)
        self._body(name, context)
        return Invoke(item.at, name, pipe)

    def _body(self, name: str, context: str) -> None:
        outer, self.variables = self.variables, ["$"]
        ranges, self.ranges = self.ranges, 0
        root, stop = self._list()
        if stop.word != "end":
            raise self.error(f"unexpected {stop} in {context}")
        self.variables = outer
        self.ranges = ranges
        definition = Definition(name, self.name, self.text, root)
        earlier = next((known for known in self.found if known.name == name), None)
        if earlier is not None and not earlier.empty and not definition.empty:
            raise self.error(f"template: multiple definition of template {_quoted(name)}")
        if earlier is None or earlier.empty:
            self.found = [known for known in self.found if known.name != name] + [definition]

    def _invoke(self) -> Node:
        context = "template clause"
        item = self.next_solid()
        name = self._name(item, context)
        following = self.next_solid()
        pipe: Pipe | None = None
        if following.token is not Token.CLOSE:
            self.back(following)
            pipe = self._pipeline(context, Token.CLOSE)
        return Invoke(item.at, name, pipe)

    def _name(self, item: Item, context: str) -> str:
        if item.token not in (Token.STRING, Token.RAW):
            raise self.unexpected(item, context)
        return self._text(item)

    # -- expressions

    def _pipeline(self, context: str, end: Token) -> Pipe:
        start = self.peek_solid().at
        declared, assigns = self._declarations(context)
        commands: list[Command] = []
        while True:
            item = self.next_solid()
            if item.token is end:
                break
            if item.token not in _STARTS:
                raise self.unexpected(item, context)
            self.back(item)
            commands.append(self._command())
        if not commands:
            raise self.error(f"missing value for {context}")
        for stage, command in enumerate(commands[1:], 2):
            if isinstance(command.operands[0], Constant | Dot | Nil):
                raise self.error(f"non executable command in pipeline stage {stage}")
        return Pipe(start, declared, assigns, tuple(commands))

    def _declarations(self, context: str) -> tuple[tuple[Variable, ...], bool]:
        declared: list[Variable] = []
        while (variable := self.peek_solid()).token is Token.VARIABLE:
            self.next()
            after = self.peek()
            following = self.next_solid()
            if following.token in (Token.ASSIGN, Token.DECLARE):
                declared.append(Variable(variable.at, variable.text))
                self.variables.append(variable.text)
                return tuple(declared), following.token is Token.ASSIGN
            if following.token is Token.CHAR and following.text == ",":
                declared.append(Variable(variable.at, variable.text))
                self.variables.append(variable.text)
                if context != "range" or len(declared) >= 2:
                    raise self.error(f"too many declarations in {context}")
                if self.peek_solid().token not in (Token.VARIABLE, Token.CLOSE, Token.RIGHT):
                    raise self.error("range can only initialize variables")
                continue
            self.back(following)
            if after.token is Token.SPACE:
                self.back(after)
            self.back(variable)
            break
        return tuple(declared), False

    def _command(self) -> Command:
        start = self.peek_solid().at
        operands: list[Operand] = []
        while True:
            self.peek_solid()
            operand = self._operand()
            if operand is not None:
                operands.append(operand)
            item = self.next()
            if item.token is Token.SPACE:
                continue
            if item.token in (Token.CLOSE, Token.RIGHT):
                self.back(item)
            elif item.token is not Token.PIPE:
                raise self.unexpected(item, "operand")
            break
        if not operands:
            raise self.error("empty command")
        return Command(start, tuple(operands))

    def _operand(self) -> Operand | None:
        term = self._term()
        if term is None or self.peek().token is not Token.FIELD:
            return term
        start = self.peek().at
        names: list[str] = []
        while self.peek().token is Token.FIELD:
            names.append(self.next().text[1:])
        match term:
            case Field():
                return Field(start, (*term.names, *names))
            case Variable():
                return Variable(start, term.name, (*term.names, *names))
            case Constant() | Nil() | Dot():
                raise self.error(f"unexpected . after term {_quoted(str(term))}")
            case _:
                return Chain(start, term, tuple(names))

    def _term(self) -> Operand | None:
        item = self.next_solid()
        match item.token:
            case Token.IDENTIFIER:
                if item.text not in self.functions:
                    raise self.error(f"function {_quoted(item.text)} not defined")
                return Identifier(item.at, item.text)
            case Token.DOT:
                return Dot(item.at)
            case Token.NIL:
                return Nil(item.at)
            case Token.VARIABLE:
                if item.text not in self.variables:
                    raise self.error(f"undefined variable {_quoted(item.text)}")
                return Variable(item.at, item.text)
            case Token.FIELD:
                return Field(item.at, (item.text[1:],))
            case Token.BOOL:
                return Constant(item.at, item.text == "true", item.text)
            case Token.NUMBER | Token.RUNE:
                try:
                    value, ideal = number(item.text)
                except ValueError as error:
                    raise self.error(str(error)) from error
                return Constant(item.at, value, item.text, ideal)
            case Token.LEFT:
                self.nesting += 1
                if self.nesting > MAX_NESTING:
                    raise self.error(f"nested deeper than {MAX_NESTING} levels")
                pipe = self._pipeline("parenthesized pipeline", Token.RIGHT)
                self.nesting -= 1
                return pipe
            case Token.STRING | Token.RAW:
                return Constant(item.at, self._text(item), item.text)
            case _:
                self.back(item)
                return None

    def _text(self, item: Item) -> str:
        try:
            return unquote(item.text)
        except ValueError as error:
            raise self.error(str(error)) from error


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
