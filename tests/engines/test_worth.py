"""What is worth trying, by what a decode costs and by how often guesses came true."""

from __future__ import annotations

import pytest

from cortex.engines.llama.worth import PRIOR, Costs, Curve, Trust, another, matching, worthwhile

CORES_WAIT = Costs(1.0, 0.01, 0.01)  # a GPU, or many cores that wait for memory
CORES_WORK = Costs(0.6, 0.3, 0.1)  # two cores, busy with one token
FREE = [False] * 16


def worth(
    costs: Costs, *, match: int = 4, streams: int = 1, forced: list[bool] = FREE, trust: Trust | None = None
) -> int:
    matches = [match + i for i in range(len(forced))]
    return worthwhile(matches, forced, trust or Trust(), Curve.straight(costs), streams)


def told(*rights: bool, match: int = 4) -> Trust:
    trust = Trust()
    for right in rights:
        trust.learn(match, right)
    return trust


def test_a_decode_is_taken_apart_into_what_is_fixed_and_what_each_token_and_row_costs() -> None:
    costs = Costs.measured(1.0, 2.4, 3.1)
    assert (costs.step, costs.token, costs.row) == pytest.approx((0.7, 0.2, 0.1))


def test_a_measurement_gone_wrong_gives_no_negative_costs() -> None:
    for one, eight, rows in ((1.0, 0.5, 0.4), (1.0, 99.0, 99.0), (1e-9, 1e-9, 1e-9)):
        costs = Costs.measured(one, eight, rows)
        assert costs.step > 0
        assert min(costs.token, costs.row) >= 0


def test_where_cores_wait_anyway_much_is_tried_and_where_they_work_little() -> None:
    assert worth(CORES_WAIT) > worth(CORES_WORK) > 0


def test_the_longer_the_match_the_more_is_tried() -> None:
    lengths = [worth(CORES_WORK, match=match) for match in range(2, 12)]
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1]


def test_a_job_whose_guesses_are_wrong_stops_trying_and_one_whose_are_right_tries_more() -> None:
    assert worth(CORES_WORK, trust=told(*[False] * 6)) == 0
    assert worth(CORES_WORK, trust=told(*[True] * 6)) > worth(CORES_WORK)


def test_guesses_that_come_true_again_are_tried_again() -> None:
    trust = told(*[False] * 6)
    for _ in range(20):
        trust.learn(4, True)
    assert worth(CORES_WORK, trust=trust) > 0


def test_the_fixed_part_of_a_decode_is_shared_by_all_who_take_part() -> None:
    assert worth(CORES_WORK, streams=8, match=2) == 0
    assert worth(CORES_WAIT, streams=8) > 0


def test_what_the_grammar_decides_between_two_guesses_is_tried_with_them() -> None:
    """It is as likely as the guess before it, and needs no logits. At the end it waits for the next decode."""
    between = [False, True, True, True]
    assert worth(Costs(0.6, 0.1, 0.1), match=8, forced=[*between, False]) == 5
    assert worth(Costs(0.6, 0.1, 0.1), match=8, forced=between) == 1
    assert worth(CORES_WORK, forced=[]) == 0


def test_short_matches_and_long_ones_are_trusted_apart() -> None:
    trust = told(*[False] * 9, match=2)
    assert trust.of(2) < PRIOR[2] / 2
    assert trust.of(20) == pytest.approx(PRIOR[-1])


def test_a_small_model_is_asked_as_long_as_its_guess_pays_for_its_own_work() -> None:
    small = Costs(0.1, 0.05, 0.05)
    assert another(0.9, CORES_WORK, small, 1)
    assert not another(0.4, CORES_WORK, small, 1)
    assert not another(0.9, CORES_WORK, small, 4), "the others need that decode anyway"
    assert not another(1.0, CORES_WORK, CORES_WORK, 1), "it costs as much as it saves"


def test_what_a_small_model_is_sure_of_is_trusted_more() -> None:
    trust = [Trust().of(matching(probability)) for probability in (0.1, 0.5, 0.8, 0.99)]
    assert trust == sorted(trust)
    assert trust[0] < 0.4 < 0.9 < trust[-1]


def test_a_curve_goes_straight_from_size_to_size_and_on_behind_the_last() -> None:
    curve = Curve(((1, 1.0), (2, 1.2), (4, 1.4), (8, 2.4)), 0.1)
    assert [curve.of(tokens) for tokens in (1, 2, 3, 4, 6, 8, 15)] == pytest.approx([1.0, 1.2, 1.3, 1.4, 1.9, 2.4, 3.8])
    assert curve.token == pytest.approx(0.1)
    assert Curve.straight(Costs(0.6, 0.3, 0.1)).of(11) == pytest.approx(0.6 + 11 * 0.4)


def test_a_size_that_costs_no_more_than_a_smaller_one_is_filled() -> None:
    """As kernels do that take four tokens at a time: three cost more than four."""
    four = Curve(((1, 1.0), (2, 1.9), (3, 2.4), (4, 2.1), (5, 3.0), (8, 4.2)), 0.1)
    unsure = [2] * 6
    assert worthwhile(unsure, [False] * 6, Trust(), four, 1) == 0
    assert worthwhile([9] * 6, [False] * 6, Trust(), four, 1) == 3
    assert worthwhile([9] * 6, [False] * 6, Trust(), four, 1, due=2) == 2


def test_what_is_due_and_what_others_decode_fill_a_size_too() -> None:
    pairs = Curve(((1, 1.0), (2, 1.1), (3, 1.9), (4, 2.0)), 0.0)
    assert [worthwhile([4], [False], Trust(), pairs, 1, due=due) for due in (1, 2, 3)] == [1, 0, 1]
    assert worthwhile([4], [False], Trust(), pairs, 3) == 1


def test_behind_a_long_prompt_a_guess_must_be_better() -> None:
    """A decode of one takes 21 there and 45 behind 4,000 tokens, of which a token that is tried pays 24 as well."""
    curve = Curve(((1, 21.0), (2, 31.0), (8, 91.0)), 1.0, cell=0.006)
    tried = [worthwhile([6] * 4, [False] * 4, Trust(), curve, 1, depth=depth) for depth in (0, 1000, 4000)]
    assert tried[0] > tried[1] > tried[2] == 0
    assert worthwhile([12] * 4, [False] * 4, Trust(), curve, 1, depth=4000) > 0


def test_what_the_grammar_decides_pays_behind_a_long_prompt_as_behind_none() -> None:
    """It would be decoded there anyway. Behind a guess it must not be in vain."""
    curve = Curve(((1, 21.0), (2, 31.0), (8, 91.0)), 5.0, cell=0.006)
    decided, guessed = [True, True, True, True, False], [False, True, True, True, False]
    for forced, want in ((decided, [5, 5]), (guessed, [5, 1])):
        assert [worthwhile([12] * 5, forced, Trust(), curve, 1, depth=depth) for depth in (0, 4000)] == want


def test_a_small_model_must_be_surer_behind_a_long_prompt() -> None:
    costs, own = Costs(1.0, 0.2, 0.1), Costs(0.05, 0.0, 0.0)
    assert [another(0.6, costs, own, 1, behind) for behind in (0.0, 1.0)] == [True, False]


def test_what_was_measured_as_nothing_has_no_share() -> None:
    assert Curve(((1, 2.0), (8, 4.0)), 0.0, cell=0.001).share(4000) == pytest.approx(2.0)
    assert Curve(((1, 0.0), (8, 0.0)), 0.0, cell=0.001).share(4000) == 0
