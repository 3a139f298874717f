"""The part of the grammar that reads series selectors and lists of labels."""

from __future__ import annotations

from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.labels import METRIC_NAME
from monitor.promql.durations import DurationGrammar
from monitor.promql.lexer import Kind, Token
from monitor.promql.nodes import VectorSelector
from monitor.promql.quoting import unquote


class SelectorGrammar(DurationGrammar):
    """Reads `name{matchers}` and `(label, "label")`."""

    def label_list(self) -> tuple[str, ...]:
        """Labels in parentheses, as after `by` and `on`."""
        if not self.is_mark("("):
            self.unexpected("grouping opts", '"("')
        self.advance()
        names: list[str] = []
        while not (names == [] and self.is_mark(")")):
            token = self.token
            word = token.kind in (Kind.IDENTIFIER, Kind.AGGREGATION, Kind.KEYWORD) or (
                token.kind is Kind.OPERATOR and token.text[0].isalpha()
            )
            if token.kind is Kind.STRING:
                names.append(unquote(token.text))
            elif word:
                names.append(token.text)
            else:
                self.unexpected("grouping opts", "label")
            self.advance()
            if self.is_mark(","):
                self.advance()
                if self.is_mark(")"):
                    break
            elif self.is_mark(")"):
                break
            else:
                self.unexpected("grouping opts", '"," or ")"')
        self.expect_mark(")")
        return tuple(names)

    def selector(self, name: Token | None) -> VectorSelector:
        """What follows a metric name that has been read, or starts with `{`."""
        start = name.start if name else self.token.start
        end = name.end if name else start
        matchers: list[Matcher] = []
        if self.is_mark("{"):
            self.advance()
            end = self._matchers(matchers)
        metric = name.text if name else ""
        if name:
            matchers.append(Matcher(METRIC_NAME, MatchOp.EQUAL, metric))
        return VectorSelector(name=metric, matchers=tuple(matchers), start=start, end=end)

    def _matchers(self, into: list[Matcher]) -> int:
        """Reads up to and over `}`; returns where that ends."""
        while not self.is_mark("}"):
            token = self.token
            if token.kind is Kind.IDENTIFIER:
                name = token.text
                self.advance()
                self._comparison(name, token, into)
            elif token.kind is Kind.STRING:
                name = unquote(token.text)
                self.advance()
                if self.is_mark(",") or self.is_mark("}"):
                    into.append(Matcher(METRIC_NAME, MatchOp.EQUAL, name))
                else:
                    self._comparison(name, token, into)
            elif into:
                self.unexpected("label matching", '"," or "}"')
            else:
                self.unexpected("label matching", 'identifier or "}"')
            if self.is_mark(","):
                self.advance()
            elif not self.is_mark("}"):
                self.unexpected("label matching", '"," or "}"')
        end = self.token.end
        self.advance()
        return end

    def _comparison(self, name: str, place: Token, into: list[Matcher]) -> None:
        op = next((op for op in MatchOp if op.value == self.token.text), None)
        if op is None:
            self.unexpected("label matching", "label matching operator")
        self.advance()
        value = self.token
        if value.kind is not Kind.STRING:
            self.unexpected("label matching", "string")
        self.advance()
        try:
            into.append(Matcher(name, op, unquote(value.text)))
        except ValueError as error:
            self.fail(str(error), place.start, value.end)
