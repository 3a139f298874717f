"""Tokens to trees. Source of the grammar and of the error texts: Go's text/template/parse/parse.go.

Parsing checks all that can be known without data: functions and variables exist, actions close, `break` stands in a
`range`. Errors are `template: name:line: what`, as Go's.
"""

from __future__ import annotations

from collections.abc import Container

from monitor.gotemplate.lexer import Item, Token, lex
from monitor.gotemplate.literals import number, unquote
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
from monitor.model.errors import TemplateError

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


class _Parser:
    def __init__(self, name: str, text: str, functions: Container[str]) -> None:
        self.name = name
        self.text = text
        self.functions = functions
        self.items = lex(text)
        self.ahead: list[Item] = []
        """Tokens given back; the next one last."""
        self.token = Item(Token.TEXT, 0, "", 1)
        self.action_line = 0
        self.variables = ["$"]
        self.ranges = 0
        self.nesting = 0
        self.found: list[Definition] = []

    def definitions(self) -> tuple[Definition, ...]:
        nodes: list[Node] = []
        while self._peek().token is not Token.END:
            if self._peek().token is Token.OPEN:
                opening = self._next()
                word = self._next_solid()
                if word.token is Token.KEYWORD and word.text == "define":
                    self._define()
                    continue
                self._back(word)
                self._back(opening)
            node = self._text_or_action()
            if isinstance(node, _Stop):
                raise self._error(f"unexpected {node}")
            nodes.append(node)
        self.found.append(Definition(self.name, self.name, self.text, Block(0, tuple(nodes))))
        return tuple(self.found)

    # -- tokens

    def _next(self) -> Item:
        self.token = self.ahead.pop() if self.ahead else next(self.items)
        return self.token

    def _back(self, item: Item) -> None:
        self.ahead.append(item)

    def _peek(self) -> Item:
        item = self._next()
        self._back(item)
        return item

    def _next_solid(self) -> Item:
        item = self._next()
        while item.token is Token.SPACE:
            item = self._next()
        return item

    def _peek_solid(self) -> Item:
        item = self._next_solid()
        self._back(item)
        return item

    def _expect(self, token: Token, context: str) -> Item:
        item = self._next_solid()
        if item.token is not token:
            raise self._unexpected(item, context)
        return item

    def _error(self, message: str) -> TemplateError:
        return TemplateError(f"template: {self.name}:{self.token.line}: {message}")

    def _unexpected(self, item: Item, context: str) -> TemplateError:
        if item.token is not Token.ERROR:
            return self._error(f"unexpected {item} in {context}")
        extra = ""
        if self.action_line and self.action_line != item.line:
            extra = f" in action started at {self.name}:{self.action_line}"
            if item.text.endswith(" action"):
                extra = extra.removeprefix(" in action")
        return self._error(f"{item}{extra}")

    # -- actions

    def _text_or_action(self) -> Node | _Stop:
        item = self._next_solid()
        if item.token is Token.TEXT:
            return Text(item.at, item.text)
        if item.token is Token.OPEN:
            self.action_line = item.line
            self.nesting += 1
            if self.nesting > MAX_NESTING:
                raise self._error(f"nested deeper than {MAX_NESTING} levels")
            node = self._action()
            self.nesting -= 1
            self.action_line = 0
            return node
        raise self._unexpected(item, "input")

    def _action(self) -> Node | _Stop:
        item = self._next_solid()
        if item.token is Token.KEYWORD:
            match item.text:
                case "if" | "with" | "range":
                    return self._control(item)
                case "end":
                    self._expect(Token.CLOSE, "end")
                    return _Stop("end")
                case "else":
                    following = self._peek_solid()
                    if not (following.token is Token.KEYWORD and following.text in ("if", "with")):
                        self._expect(Token.CLOSE, "else")
                    return _Stop("else")
                case "break" | "continue":
                    return self._leave(item)
                case "template":
                    return self._invoke()
                case "block":
                    return self._block()
                case _:
                    pass
        self._back(item)
        return Action(item.at, self._pipeline("command", Token.CLOSE))

    def _leave(self, item: Item) -> Node:
        following = self._next_solid()
        if following.token is not Token.CLOSE:
            raise self._unexpected(following, f"{{{{{item.text}}}}}")
        if not self.ranges:
            raise self._error(f"{{{{{item.text}}}}} outside {{{{range}}}}")
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
            following = self._peek_solid()
            if word in ("if", "with") and following.token is Token.KEYWORD and following.text == word:
                again = self._next_solid()
                otherwise = Block(again.at, (self._control(again),))
            else:
                otherwise, stop = self._list()
                if stop.word != "end":
                    raise self._error(f"expected end; found {stop}")
        del self.variables[scope:]
        kind = {"if": If, "with": With, "range": Range}[word]
        return kind(pipe.at, pipe, body, otherwise)

    def _list(self) -> tuple[Block, _Stop]:
        start = self._peek_solid().at
        nodes: list[Node] = []
        while self._peek_solid().token is not Token.END:
            node = self._text_or_action()
            if isinstance(node, _Stop):
                return Block(start, tuple(nodes)), node
            nodes.append(node)
        raise self._error("unexpected EOF")

    def _define(self) -> None:
        context = "define clause"
        name = self._name(self._next_solid(), context)
        self._expect(Token.CLOSE, context)
        self._body(name, context)

    def _block(self) -> Node:
        context = "block clause"
        item = self._next_solid()
        name = self._name(item, context)
        pipe = self._pipeline(context, Token.CLOSE)
        self._body(name, context)
        return Invoke(item.at, name, pipe)

    def _body(self, name: str, context: str) -> None:
        outer, self.variables = self.variables, ["$"]
        ranges, self.ranges = self.ranges, 0
        root, stop = self._list()
        if stop.word != "end":
            raise self._error(f"unexpected {stop} in {context}")
        self.variables = outer
        self.ranges = ranges
        definition = Definition(name, self.name, self.text, root)
        earlier = next((known for known in self.found if known.name == name), None)
        if earlier is not None and not earlier.empty and not definition.empty:
            raise self._error(f"template: multiple definition of template {_quoted(name)}")
        if earlier is None or earlier.empty:
            self.found = [known for known in self.found if known.name != name] + [definition]

    def _invoke(self) -> Node:
        context = "template clause"
        item = self._next_solid()
        name = self._name(item, context)
        following = self._next_solid()
        pipe: Pipe | None = None
        if following.token is not Token.CLOSE:
            self._back(following)
            pipe = self._pipeline(context, Token.CLOSE)
        return Invoke(item.at, name, pipe)

    def _name(self, item: Item, context: str) -> str:
        if item.token not in (Token.STRING, Token.RAW):
            raise self._unexpected(item, context)
        return self._text(item)

    # -- expressions

    def _pipeline(self, context: str, end: Token) -> Pipe:
        start = self._peek_solid().at
        declared, assigns = self._declarations(context)
        commands: list[Command] = []
        while True:
            item = self._next_solid()
            if item.token is end:
                break
            if item.token not in _STARTS:
                raise self._unexpected(item, context)
            self._back(item)
            commands.append(self._command())
        if not commands:
            raise self._error(f"missing value for {context}")
        for stage, command in enumerate(commands[1:], 2):
            if isinstance(command.operands[0], Constant | Dot | Nil):
                raise self._error(f"non executable command in pipeline stage {stage}")
        return Pipe(start, declared, assigns, tuple(commands))

    def _declarations(self, context: str) -> tuple[tuple[Variable, ...], bool]:
        declared: list[Variable] = []
        while (variable := self._peek_solid()).token is Token.VARIABLE:
            self._next()
            after = self._peek()
            following = self._next_solid()
            if following.token in (Token.ASSIGN, Token.DECLARE):
                declared.append(Variable(variable.at, variable.text))
                self.variables.append(variable.text)
                return tuple(declared), following.token is Token.ASSIGN
            if following.token is Token.CHAR and following.text == ",":
                declared.append(Variable(variable.at, variable.text))
                self.variables.append(variable.text)
                if context != "range" or len(declared) >= 2:
                    raise self._error(f"too many declarations in {context}")
                if self._peek_solid().token not in (Token.VARIABLE, Token.CLOSE, Token.RIGHT):
                    raise self._error("range can only initialize variables")
                continue
            self._back(following)
            if after.token is Token.SPACE:
                self._back(after)
            self._back(variable)
            break
        return tuple(declared), False

    def _command(self) -> Command:
        start = self._peek_solid().at
        operands: list[Operand] = []
        while True:
            self._peek_solid()
            operand = self._operand()
            if operand is not None:
                operands.append(operand)
            item = self._next()
            if item.token is Token.SPACE:
                continue
            if item.token in (Token.CLOSE, Token.RIGHT):
                self._back(item)
            elif item.token is not Token.PIPE:
                raise self._unexpected(item, "operand")
            break
        if not operands:
            raise self._error("empty command")
        return Command(start, tuple(operands))

    def _operand(self) -> Operand | None:
        term = self._term()
        if term is None or self._peek().token is not Token.FIELD:
            return term
        start = self._peek().at
        names: list[str] = []
        while self._peek().token is Token.FIELD:
            names.append(self._next().text[1:])
        match term:
            case Field():
                return Field(start, (*term.names, *names))
            case Variable():
                return Variable(start, term.name, (*term.names, *names))
            case Constant() | Nil() | Dot():
                raise self._error(f"unexpected . after term {_quoted(str(term))}")
            case _:
                return Chain(start, term, tuple(names))

    def _term(self) -> Operand | None:
        item = self._next_solid()
        match item.token:
            case Token.IDENTIFIER:
                if item.text not in self.functions:
                    raise self._error(f"function {_quoted(item.text)} not defined")
                return Identifier(item.at, item.text)
            case Token.DOT:
                return Dot(item.at)
            case Token.NIL:
                return Nil(item.at)
            case Token.VARIABLE:
                if item.text not in self.variables:
                    raise self._error(f"undefined variable {_quoted(item.text)}")
                return Variable(item.at, item.text)
            case Token.FIELD:
                return Field(item.at, (item.text[1:],))
            case Token.BOOL:
                return Constant(item.at, item.text == "true", item.text)
            case Token.NUMBER | Token.RUNE:
                try:
                    value, ideal = number(item.text)
                except ValueError as error:
                    raise self._error(str(error)) from error
                return Constant(item.at, value, item.text, ideal)
            case Token.LEFT:
                self.nesting += 1
                if self.nesting > MAX_NESTING:
                    raise self._error(f"nested deeper than {MAX_NESTING} levels")
                pipe = self._pipeline("parenthesized pipeline", Token.RIGHT)
                self.nesting -= 1
                return pipe
            case Token.STRING | Token.RAW:
                return Constant(item.at, self._text(item), item.text)
            case _:
                self._back(item)
                return None

    def _text(self, item: Item) -> str:
        try:
            return unquote(item.text)
        except ValueError as error:
            raise self._error(str(error)) from error


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
