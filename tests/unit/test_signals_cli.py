"""`v2x signals` as its users type it."""

import pytest
from typer.testing import CliRunner

from intersections.signals.plan_json import load
from tests.small_network import SIGNALISED
from v2x.cli.signals import signals_app
from v2x.errors import ConfigError

PROGRAM = """<additional><tlLogic id="T" programID="day">
  <phase duration="20" state="Grr"/><phase duration="3" state="yrr"/><phase duration="15" state="rgG"/><phase duration="3" state="ryr"/>
</tlLogic></additional>"""


@pytest.fixture
def run():
    def invoke(*words):
        return CliRunner().invoke(signals_app, [str(word) for word in words], catch_exceptions=False)

    return invoke


@pytest.fixture
def scenario(tmp_path):
    def write(program=PROGRAM, net=SIGNALISED):
        (tmp_path / "town.net.xml").write_text(net)
        (tmp_path / "a.add.xml").write_text(program)
        path = tmp_path / "town.sumocfg"
        path.write_text('<configuration><net-file value="town.net.xml"/><additional-files value="a.add.xml"/></configuration>')
        return path

    return write


def test_check_tells_what_was_read(run, scenario):
    result = run("check", scenario(), "--stages")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "T",
        "  groups      3 (1 for pedestrians): g0, g1, g2",
        "  conflicts   1 pairs; 1 yield",
        "  program     day: cycle 41 s, offset 0 s",
        "  local plan  s0 20 s: g0",
        "  local plan  s1 15 s: (g1) g2",
        "  stages      4",
        "    s0: g0",
        "    s1: (g1) g2",
        "    s2: g0 g2",
        "    s3: g1",
        "  note: program day: green to red without yellow, 1 times: g2 (all for pedestrians, whose lamps have no yellow)",
    ]


def test_check_reads_a_network_with_programs_beside_it(run, scenario):
    folder = scenario().parent
    result = run("check", folder / "town.net.xml", "--additional", folder / "a.add.xml", "--tl", "T", "--convention", "resco")
    assert result.exit_code == 0
    assert result.stdout.startswith("T\n")


def test_a_green_that_is_left_out_is_told_and_ends_with_1(run, scenario):
    result = run("check", scenario(PROGRAM.replace("Grr", "GGr"), SIGNALISED.replace('response="101"', 'response="100"')))
    assert result.exit_code == 1
    assert "  REFUSED program day, phase 0: green of g1 beside g0" in result.stdout


def test_a_light_that_cannot_be_read_is_told_and_ends_with_1(run, scenario):
    result = run("check", scenario(PROGRAM.replace('duration="20"', 'duration="20" next="0"')))
    assert result.exit_code == 1
    assert result.stdout == "REFUSED T: program day has phases that name their successor\n"


def test_import_writes_our_file_which_check_reads(run, scenario, tmp_path):
    out = tmp_path / "north.json"
    assert run("import", scenario(), "--out", out, "--id", "north").exit_code == 0
    file = load(out)
    assert (file.layout.intersection, file.plan.programs[0].id) == ("north", "day")
    told = run("check", out)
    assert told.exit_code == 0
    assert told.stdout.startswith("north\n  groups      3 (1 for pedestrians): g0, g1, g2\n")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("check", "none.net.xml"), "none.net.xml"),
        (("check", "none.json"), "none.json"),
        (("check", "none.sumocfg"), "none.sumocfg"),
        (("check", "{cfg}", "--tl", "Z"), "has no traffic light 'Z'"),
        (("check", "{cfg}", "--convention", "fast"), "'fast' is none of resco, safe"),
        (("import", "{cfg}", "--tl", "Z", "--out", "x.json"), "'Z' is not in"),
        (("import", "{cfg}", "--out", "none/x.json"), "none/x.json"),
    ],
)
def test_what_the_operator_did_wrong_is_one_sentence(run, scenario, words, reason):
    path = scenario()
    with pytest.raises(ConfigError, match=reason):
        run(*(word.format(cfg=path) for word in words))
