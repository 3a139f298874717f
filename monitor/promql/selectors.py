"""The part of the grammar that reads series selectors and lists of labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.labels import METRIC_NAME
from monitor.model.surrogates import is_whole
from monitor.promql.cursor import Kind, Token
from monitor.promql.durations import DurationGrammar
from monitor.promql.nodes import VectorSelector
from monitor.promql.quoting import go_quote, unquote
from monitor.promql.tokens import Over, Stop

NO_LABEL: Final = "without"
"""The one word that cannot stand for a label in a list of labels unless it is quoted."""


class SelectorGrammar(DurationGrammar):
    """Reads `name{matchers}` and `(label, "label")`."""

    def label_list(self, resume: Callable[[], None]) -> tuple[str, ...]:
        """Labels in parentheses, as after `by` and `on`; `resume` finds what may come behind them if they are missing."""
        names: list[str] = []
        try:
            if not self.is_mark("("):
                self.unexpected("grouping opts", '"("')
                resume()
                return ()
            self.advance()
            while not self.is_mark(")"):
                names.append(self._grouping_label())
                if not self.is_mark(",", ")"):
                    self.unexpected("grouping opts", '"," or ")"')
                    self.resume(self._separated)
                if self.is_mark(","):
                    self.advance()
        except Stop:
            raise Over from None
        self.advance()
        return tuple(names)

    def _separated(self) -> bool:
        return self.is_mark(",", ")")

    def _grouping_label(self) -> str:
        token = self.token
        word = token.kind in (Kind.IDENTIFIER, Kind.METRIC, Kind.AGGREGATION, Kind.KEYWORD) or (
            token.kind is Kind.OPERATOR and token.text[0].isalpha()
        )
        if token.kind is Kind.STRING or (word and token.word != NO_LABEL):
            self.advance()
            name = unquote(token.text) if token.kind is Kind.STRING else token.text
            if name == "" or not is_whole(name):
                self.fail(f"invalid label name for grouping: {go_quote(name)}", token.start, token.end)
            return name
        self.unexpected("grouping opts", "label")
        self.resume(self._separated)
        return ""

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
        try:
            while not self.is_mark("}"):
                self._matcher(into)
                if not self.is_mark(",", "}"):
                    self.unexpected("label matching", '"," or "}"')
                    self.resume(self._matched)
                if self.is_mark(","):
                    self.advance()
        except Stop:
            raise Over from None
        return self.advance().end

    def _matched(self) -> bool:
        return self.is_mark(",", "}")

    def _matcher(self, into: list[Matcher]) -> None:
        place = self.token
        if place.kind not in (Kind.IDENTIFIER, Kind.STRING):
            self._refuse_matcher('identifier or "}"')
            return
        self.advance()
        quoted = place.kind is Kind.STRING
        name = unquote(place.text) if quoted else place.text
        op = next((op for op in MatchOp if op.value == self.token.text and self.token.kind is not Kind.STRING), None)
        if op is None:
            if quoted:
                into.append(Matcher(METRIC_NAME, MatchOp.EQUAL, name))
            else:
                self._refuse_matcher("label matching operator")
            return
        self.advance()
        value = self.token
        if value.kind is not Kind.STRING:
            self._refuse_matcher("string")
            return
        self.advance()
        try:
            into.append(Matcher(name, op, unquote(value.text)))
        except ValueError as error:
            self.fail(str(error), place.start, value.end)

    def _refuse_matcher(self, expected: str) -> None:
        self.unexpected("label matching", expected)
        self.resume(self._matched)
