"""`python -m tests.benchmarks`: what one check, sample, evaluation and page cost, and many rules. Prints a table, then a line of JSON.

These say which part became dearer; what the whole daemon costs beside others is measured from outside, with `sut.py`.
"""

from __future__ import annotations

from tests.benchmarks import checks, evaluations, pages, rounds, samples
from tests.benchmarks.figures import document, table


def main() -> None:
    """Measure everything, in about half a minute."""
    figures = [*checks.measure(), *samples.measure(), *evaluations.measure(), *rounds.measure(), *pages.measure()]
    print(table(figures))
    print(document(figures))


if __name__ == "__main__":
    main()
