"""What the scoring of signal control makes of its runs; the runs themselves are SUMO's."""

import argparse
import json

import pytest

from bench import signals_score
from bench.published_greedy import greens, yellow
from bench.signals_published import published_delay_s
from bench.signals_score import Case, cases, line, play, tables

RUN = {"delay_all": 10.0, "gridlocked_s": None, "plan_ms": 1.5, "commit": "abc"}


def test_only_the_optimiser_is_played_at_every_penetration():
    made = cases(["town"], ["program", "adaptive"], ["resco"], [1.0, 0.2])
    assert [(case.control, case.penetration) for case in made] == [("adaptive", 0.2), ("adaptive", 1.0), ("program", 1.0)]


def test_a_line_tells_mean_spread_worst_gridlocks_and_gain():
    runs = [RUN, RUN | {"delay_all": 14.0, "gridlocked_s": 900.0, "plan_ms": 2.5}]
    text = line(Case("resco", "town", "adaptive", 0.5), runs, [RUN | {"delay_all": 24.0}])
    assert text == "| town | adaptive | 0.5 | 12.00 | 2.83 | 14.00 | 2 | 1 | 50 % | 2.50 | abc |"


def test_each_convention_is_compared_with_its_own_program():
    results = {
        Case("resco", "town", "program", 1.0): [RUN | {"delay_all": 20.0}],
        Case("safe", "town", "program", 1.0): [RUN | {"delay_all": 40.0}],
        Case("safe", "town", "actuated", 1.0): [RUN],
    }
    text = "\n".join(tables(results))
    assert text.index("## resco") < text.index("## safe") < text.index("75 %")


def test_a_finished_run_is_taken_while_the_sources_are_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(signals_score, "CACHE", tmp_path)
    (tmp_path / "town.sumocfg").write_text('<configuration><end value="60"/></configuration>')
    case = Case("resco", "town", "adaptive", 1.0)
    options = argparse.Namespace(quick=False, keep=False, finished=True)
    assert play(tmp_path, tmp_path, case, 1, options) is None
    (tmp_path / "town-adaptive-resco-1-1-60.json").write_text(json.dumps(RUN | {"sources": "older"}))
    assert play(tmp_path, tmp_path, case, 1, options)["delay_all"] == 10.0
    assert signals_score.cached(tmp_path / "town-adaptive-resco-1-1-60.json", case, keep=False) is None


def test_the_published_delay_counts_waits_before_departure(tmp_path):
    (tmp_path / "t.xml").write_text(
        '<tripinfos><tripinfo depart="5" departDelay="2" timeLoss="8"/><tripinfo depart="-1" departDelay="20" timeLoss="7"/></tripinfos>'
    )
    assert published_delay_s(tmp_path / "t.xml") == pytest.approx((10.0 + 20.0) / 2)


def test_the_published_agents_phases_and_yellows():
    assert greens(["GGrs", "yyrs", "rrGs", "rrys", "rrrs", "GGrs"]) == ["GGrs", "rrGs"]
    assert yellow("GgGr", "rsGG") == "yyGr"
