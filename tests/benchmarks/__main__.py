"""`python -m tests.benchmarks`: what one check, sample, scrape, evaluation, page and pushed alert cost, and many rules. Prints a table, then a line of JSON.

These say which part became dearer; what the whole daemon costs beside others is measured from outside, with `sut.py`.
"""

from __future__ import annotations

from tests.benchmarks import checks, evaluations, groups, pages, pushed, restarts, rounds, samples, scrapes, stalls
from tests.benchmarks.figures import document, table


def main() -> None:
    """Measure everything, in about half a minute."""
    parts = (checks, samples, scrapes, stalls, restarts, evaluations, groups, rounds, pages, pushed)
    figures = [figure for part in parts for figure in part.measure()]
    print(table(figures))
    print(document(figures))


if __name__ == "__main__":
    main()
