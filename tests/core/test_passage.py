"""Texts that are continued as they are, and what replies to several of them took together."""

from __future__ import annotations

from cortex.core.chat import Sampling
from cortex.core.events import Text
from cortex.core.job import Job, Part, Segment, Usage, added, total
from cortex.core.passage import Passage
from cortex.core.plan import another

CALL = '<tool_call>\n{"name": "look", "arguments": {}}\n</tool_call>'


def test_nothing_is_read_in_a_passage() -> None:
    parser = Passage(Job((Segment("x"),))).parser(lambda said: said)
    assert parser.feed(CALL) + parser.flush() == [Text(CALL)]


def test_the_one_part_of_a_grammar_is_the_clients_own() -> None:
    assert Passage(Job((Segment("x"),))).parts() == ()
    assert Passage(Job((Segment("x"),), grammar="root ::= [a]")).parts() == (Part("grammar", "root ::= [a]"),)


def test_events_of_a_passage_pass_as_they_are() -> None:
    assert [*Passage(Job((Segment("x"),))).inline().feed([Text("y")])] == [Text("y")]


def test_each_reply_to_a_passage_draws_with_a_seed_of_its_own() -> None:
    passage = Passage(Job((Segment("x"),), sampling=Sampling(seed=7)), stop=("\n",))
    assert another(passage, 2) == Passage(Job((Segment("x"),), sampling=Sampling(seed=9)), stop=("\n",))


def test_what_replies_took_is_summed_prompts_and_all() -> None:
    first, other = Usage(1, 2, 3, 4, 5, 6, 7, 8), Usage(10, 20, 30, 40, 50, 60, 70, 80)
    assert added([first, other]) == Usage(11, 22, 33, 44, 55, 66, 77, 88)
    assert added([total([first, first]), other]).prompt == 11
