"""Queries kept as columns."""

from hypothesis import given
from hypothesis import strategies as st

from tinybench.runner.results.scenario import Query
from tinybench.runner.results.scenario.queries import KINDS, Queries

NUMBERS = st.integers(0, 2**31 - 1)


@st.composite
def _queries(draw: st.DrawFn) -> Query:
    """A query of one input or several."""
    count = draw(st.integers(1, 4))

    def each(one: st.SearchStrategy) -> list:  # pyright: ignore[reportMissingTypeArgument]
        return draw(st.lists(one, min_size=count, max_size=count))

    texts = st.sampled_from(["0.1,0.9", "0.9,0.1", ""])
    kind = draw(st.sampled_from(KINDS))
    return Query(each(NUMBERS), each(st.integers(0, 2**40)), draw(NUMBERS), each(texts), kind)


@given(st.lists(_queries()))
def test_what_is_kept_comes_out_as_it_was(asked: list[Query]) -> None:
    """Each query, and each kind as columns; none of them, too."""
    kept = Queries(asked)
    assert list(kept) == asked
    assert len(kept) == len(asked)
    for kind in KINDS:
        found, wanted = kept.columns(kind), [one for one in asked if one.kind == kind]
        assert found.query_us.tolist() == [sum(one.device_us) for one in wanted]
        assert found.host_us.tolist() == [one.host_us for one in wanted]
        assert [kept.texts[number] for number in found.answers] == [
            text for one in wanted for text in one.results
        ]
