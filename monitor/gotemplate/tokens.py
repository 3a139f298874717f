"""A template's tokens, one after the other, with those that were given back; and errors with the place of the present one."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.gotemplate.lexer import Item, Token
from monitor.model.errors import TemplateError


class Tokens:
    """A way through the tokens of one text. Errors are `template: name:line: what`, as Go's."""

    def __init__(self, name: str, items: Iterator[Item]) -> None:
        self.name = name
        self.items = items
        self.ahead: list[Item] = []
        """Tokens given back; the next one last."""
        self.token = Item(Token.TEXT, 0, "", 1)
        self.action_line = 0
        """Where the action began that is being read."""

    def next(self) -> Item:
        """The next token."""
        self.token = self.ahead.pop() if self.ahead else next(self.items)
        return self.token

    def back(self, item: Item) -> None:
        """Give one back: it comes again."""
        self.ahead.append(item)

    def peek(self) -> Item:
        """The next token, which stays."""
        item = self.next()
        self.back(item)
        return item

    def next_solid(self) -> Item:
        """The next one that is no space."""
        item = self.next()
        while item.token is Token.SPACE:
            item = self.next()
        return item

    def peek_solid(self) -> Item:
        """The same, which stays."""
        item = self.next_solid()
        self.back(item)
        return item

    def expect(self, token: Token, context: str) -> Item:
        """The next one that is no space, which must be of this kind. Raises TemplateError."""
        item = self.next_solid()
        if item.token is not token:
            raise self.unexpected(item, context)
        return item

    def error(self, message: str) -> TemplateError:
        """Go's words with the place of the present token."""
        return TemplateError(f"template: {self.name}:{self.token.line}: {message}")

    def unexpected(self, item: Item, context: str) -> TemplateError:
        """The error of a token that does not belong here."""
        if item.token is not Token.ERROR:
            return self.error(f"unexpected {item} in {context}")
        extra = ""
        if self.action_line and self.action_line != item.line:
            extra = f" in action started at {self.name}:{self.action_line}"
            if item.text.endswith(" action"):
                extra = extra.removeprefix(" in action")
        return self.error(f"{item}{extra}")
