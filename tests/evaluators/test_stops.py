"""Stop strings against the plain definition, and those that cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import BadInput
from suite.evaluators.models.handle import Decoding
from suite.evaluators.models.stops import Stops
from tests.evaluators.stopping import TOKENIZERS, cut, words

SPELLINGS = ["Instruction", "a red circle\n\n", "赤い。", "です", " 12 + 3", "Response:", "é\n"]


@settings(max_examples=120)
@given(name=st.sampled_from([*TOKENIZERS]), data=st.data())
def test_rows_are_cut_where_the_definition_cuts(name: str, data: st.DataObject) -> None:
    tokenizer = words(name)
    size = len(getattr(tokenizer, "inner", tokenizer))
    some = st.integers(0, size - 1)
    spelt = st.sampled_from(SPELLINGS).map(
        lambda text: tokenizer(text, add_special_tokens=False).input_ids
    )
    parts = data.draw(st.lists(st.one_of(some.map(lambda i: [i]), spelt), min_size=1, max_size=12))
    ids = [each for part in parts for each in part]
    (text,) = tokenizer.batch_decode([ids], skip_special_tokens=True)
    pieces = st.tuples(st.integers(0, len(text)), st.integers(1, 9)).map(
        lambda cut: text[cut[0] : cut[0] + cut[1]]
    )
    offered = st.one_of(
        st.sampled_from(["Instruction", "on", "\n\n", "赤", "い。", " 1", "30", "ed "]), pieces
    )
    whole = offered.filter(
        lambda string: string != "" and "\N{REPLACEMENT CHARACTER}" not in string
    )
    strings = data.draw(st.lists(whole, min_size=1, max_size=3))
    assert Stops(tokenizer, strings, size).cut(ids) == cut(tokenizer, ids, strings)


@pytest.mark.parametrize(
    ("stop", "said"),
    [
        ("Instruction", "must be a list"),
        (3, "must be a list"),
        ([""], "not empty"),
        ([7], "stop 7"),
    ],
)
def test_impossible_stops_are_refused(stop: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Decoding(stop=stop)


def test_a_list_of_stops_is_what_a_tuple_is() -> None:
    assert Decoding(stop=["a", "b"]) == Decoding(stop=("a", "b"))  # type: ignore[arg-type]
    assert hash(Decoding(stop=["a"])) == hash(Decoding(stop=("a",)))  # type: ignore[arg-type]
