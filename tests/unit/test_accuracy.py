"""The accuracy bench: its arithmetic on known answers, its reader of solution files on a hand-written sample."""

import json

import numpy as np
import pytest

from bench.accuracy import boulder, rtklib, score
from bench.accuracy.__main__ import main
from positioning.samples import FixStatus


def epochs(error_m, level_m, alert=None, gap=None):
    count = len(error_m)
    alert = np.zeros(count, bool) if alert is None else np.array(alert)
    gap = np.full(count, -1) if gap is None else np.array(gap)
    return score.Epochs(np.arange(count) * 1.0, np.array(error_m, float), np.array(level_m, float), alert, np.full(count, 7.0), gap)


def test_an_epoch_without_position_is_an_error_of_100_m_and_misleading():
    figures = score.score(epochs([1.0, np.nan, 1.0, 1.0], [2.0, np.nan, 2.0, 2.0]))
    assert figures["max_m"] == pytest.approx(100.0)
    assert (figures["misleading"], figures["availability"]) == (0.25, 0.75)
    assert figures["pl_median_m"] == pytest.approx(2.0)


def test_an_error_beyond_its_level_misleads_and_a_constant_level_must_mislead_no_more_often():
    figures = score.score(epochs([1.0, 2.0, 3.0, 8.0], [2.0, 2.0, 4.0, 4.0]))
    assert figures["misleading"] == pytest.approx(0.25)
    assert figures["inform"] == pytest.approx(3.0 / 3.0)  # constant 3 m misleads once as well; the median level is 3 m


def test_an_alert_makes_an_epoch_unavailable_and_excuses_no_error():
    figures = score.score(epochs([1.0, 9.0], [2.0, 2.0], alert=[False, True]))
    assert (figures["availability"], figures["misleading"]) == (0.5, 0.5)


def test_outages_are_told_by_the_greatest_error_of_each():
    figures = score.score(epochs([9.0, 1.0, 2.0, 4.0], [10.0] * 4, gap=[-1, 0, 0, 1]))
    assert (figures["outage_median_max_m"], figures["outage_worst_m"]) == (3.0, 4.0)


def test_nothing_to_score_is_an_error():
    with pytest.raises(ValueError, match="no truth epoch"):
        score.score(epochs([], []))


def test_a_solution_file_is_read_with_either_form_of_time(tmp_path):
    numbers = "35.1 136.8 41.4 {} 16 1 1 1 0 0 0 0.2 6.4"
    path = tmp_path / "rover.pos"
    path.write_text(f"% header\n2270 194670.200 {numbers.format(1)}\n2023/07/11 06:04:31.000 {numbers.format(5)}\n")
    solution = rtklib.read(path)
    assert solution["time_s"] - 2270 * rtklib.WEEK_S == pytest.approx([194670.2, 194671.0])
    assert [rtklib.STATUS[int(quality)] for quality in solution["quality"]] == [FixStatus.RTK_FIXED, FixStatus.SINGLE]
    assert "east_mps" not in solution


def test_one_row_a_second_is_fed_whatever_the_jitter():
    assert boulder.every(np.array([0.0, 0.25, 0.499, 0.75, 0.999, 1.25, 2.0]), 0.95).nonzero()[0].tolist() == [0, 4, 6]


def test_a_folder_that_cannot_be_read_is_named_and_the_others_are_measured(tmp_path, capsys):
    (tmp_path / "gnss_nagoya_drive").mkdir()
    (tmp_path / "gnss_boulder_imu").mkdir()
    seconds = np.arange(200_000.0, 200_040.0, 0.25)
    rows = [f"2270 {at:.3f} {40 + 1e-6 * (at - seconds[0]):.9f} -105.0 1600.0 1 20" + 6 * " 0.01" + " 0.5 9 0.11 0.0 0.0" for at in seconds]
    (tmp_path / "gnss_boulder_imu" / "gnss_0001_sf.pos").write_text("% a header\n" + "\n".join(rows) + "\n")
    words = ["--data", str(tmp_path), "--json", str(tmp_path / "figures.json"), "--pictures", str(tmp_path / "pictures")]
    assert main([*words, "--seeds", "1"]) == 1
    assert "gnss_nagoya_drive: not measured" in capsys.readouterr().err
    (figures,) = json.loads((tmp_path / "figures.json").read_text()).values()
    assert figures["misleading"] == 0
    assert figures["p95_m"] < 0.2
