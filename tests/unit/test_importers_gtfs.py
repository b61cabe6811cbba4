"""GTFS with everything that feeds get wrong: what is read, and what is counted."""

import zipfile
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from v2x.errors import ConfigError
from v2x.importers.gtfs import clock, midnight_ns, read_gtfs, seconds_of

DAY = date(2024, 5, 15)  # a Wednesday
FEED = {
    "agency": "agency_id,agency_name,agency_url,agency_timezone\na,A,http://a,Europe/Rome\n",
    "routes": "route_id,agency_id,route_short_name,route_type\nr1,a,1,3\nr2,a,2,3\n",
    "calendar": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
    "wd,1,1,1,1,1,0,0,20240101,20241231\n",
    "stops": "stop_id,stop_name,stop_lat,stop_lon\ns1,One,44.50,11.30\ns2,Two,44.50,11.31\ns3,Three,44.50,11.32\n",
    "trips": "route_id,service_id,trip_id,direction_id,block_id,shape_id\nr1,wd,t1,0,b1,\n",
    "stop_times": "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
    "t1,08:00:00,08:00:00,s1,1\nt1,08:05:00,08:05:30,s2,2\nt1,08:10:00,08:10:00,s3,3\n",
}


def read(folder, day=DAY, **tables):
    """The feed with some tables replaced; None for none; a text that begins with + is appended."""
    for name, text in (FEED | tables).items():
        if text is not None:
            raw = text if isinstance(text, bytes) else text.encode()
            (folder / f"{name}.txt").write_bytes(FEED[name].encode() + raw[1:] if raw.startswith(b"+") else raw)
    return read_gtfs(folder, day)


def test_a_plain_feed(tmp_path):
    feed = read(tmp_path)
    trip = feed.network.trips["t1"]
    pattern = feed.network.patterns[trip.pattern]
    assert (pattern.line, pattern.direction, pattern.stops, trip.duty) == ("r1", "0", ("s1", "s2", "s3"), "b1")
    assert trip.arrival_s.tolist() == [28800.0, 29100.0, 29400.0]
    assert trip.departure_s.tolist() == [28800.0, 29130.0, 29400.0]
    assert pattern.stop_m == pytest.approx([0.0, 795.0, 1590.0], abs=2.0)
    assert feed.network.midnight_ns == 1715724000 * 10**9  # 2024-05-14T22:00Z
    assert feed.notes == {"pattern_without_shape": 1, "calendar_dates_absent": 1, "shapes_absent": 1}


def test_a_loop_keeps_the_numbers_of_its_stops(tmp_path):
    times = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt1,08:20:00,08:20:00,s1,70\n"
    times += "t1,08:00:00,08:00:00,s1,5\nt1,08:05:00,08:05:30,s2,10\nt1,08:10:00,08:10:00,s3,20\n"
    network = read(tmp_path, stop_times=times).network
    trip = network.trips["t1"]
    assert network.patterns[trip.pattern].stops == ("s1", "s2", "s3", "s1")
    assert trip.sequence == (5, 10, 20, 70)


def test_a_zip_reads_like_its_folder(tmp_path):
    folder = tmp_path / "feed"
    folder.mkdir()
    plain = read(folder)
    with zipfile.ZipFile(tmp_path / "feed.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    zipped = read_gtfs(tmp_path / "feed.zip", DAY)
    assert zipped.notes == plain.notes
    assert zipped.network.trips.keys() == plain.network.trips.keys()


def test_times_past_midnight_and_missing_times(tmp_path):
    times = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt1,23:50:00,,s1,1\nt1,,,s2,2\nt1,25:10:00,25:10:00,s3,3\n"
    feed = read(tmp_path, stop_times=times)
    assert feed.network.trips["t1"].arrival_s == pytest.approx([85800.0, 88200.0, 90600.0], abs=1.0)
    assert feed.notes["time_past_midnight"] == 2


@pytest.mark.parametrize(
    ("table", "row", "note"),
    [
        ("stop_times", "t1,08:20:00,08:20:00,ghost,9", "stop_time_of_unknown_stop"),
        ("stop_times", "ghost,08:20:00,08:20:00,s1,9", "stop_time_of_unknown_trip"),
        ("stop_times", "t1,08:20:00,08:20:00,s1,x", "stop_time_without_sequence"),
        ("stop_times", f"t1,08:20:00,08:20:00,s1,{2**32}", "stop_time_without_sequence"),
        ("stop_times", "t1,08:20:00,08:20:00,s1,2", "stop_time_repeated"),
        ("stop_times", "t1,8 o'clock,,s1,0", "time_unreadable"),
        ("stop_times", "t1,,,s1,9", "stop_time_beyond_the_timed"),
        ("stop_times", "t1", "stop_times_row_of_wrong_length"),
        ("stop_times", "t1,07:00:00,07:00:00,s2,9", "times_go_back"),
        ("trips", "r1,wd,t1,0,b1,", "trip_repeated"),
        ("trips", "r1,ghost,t2,0,b1,", "trip_of_unknown_service"),
        ("trips", "ghost,wd,t1b,0,,", "trip_of_unknown_route"),
        ("trips", "r1,wd,t3,0,,", "trip_with_fewer_than_two_stops"),
        ("trips", ",wd,t3,0,,", "trip_without_id_or_route"),
        ("stops", "s1,Again,44.6,11.3", "stop_repeated"),
        ("stops", "s9,Nowhere,,", "stop_without_place"),
        ("stops", "s9,Null island,0,0", "stop_without_place"),
        ("stops", 's9,Comma,"44,5",11.3', "stop_without_place"),
    ],
)
def test_a_broken_row_costs_itself_and_is_counted(tmp_path, table, row, note):
    feed = read(tmp_path, **{table: f"+{row}\n"})
    assert feed.notes[note] == 1
    assert "t1" in feed.network.trips


def test_a_trip_that_repeats_another_is_kept_and_told(tmp_path):
    times = "".join(line.replace("t1", "t2") + "\n" for line in FEED["stop_times"].splitlines()[1:])
    feed = read(tmp_path, trips="+r1,wd,t2,0,b2,\n", stop_times=f"+{times}")
    assert feed.notes["trip_same_times"] == 1
    assert set(feed.network.trips) == {"t1", "t2"}
    assert len(feed.network.patterns) == 1


def test_a_byte_order_mark_foreign_bytes_and_spaces_do_no_harm(tmp_path):
    feed = read(
        tmp_path, stops=b"\xef\xbb\xbf stop_id ,stop_name,stop_lat,stop_lon\ns1,Caf\xe9, 44.50 ,11.30\ns2,,44.50,11.31\ns3,,44.50,11.32\n"
    )
    assert set(feed.network.stops) == {"s1", "s2", "s3"}
    assert feed.notes["not_utf8"] == 1


@pytest.mark.parametrize(
    ("points", "note"), [("44.50,11.30,1\nsh,44.50,11.33,2", ""), ("45.50,11.30,1\nsh,45.50,11.33,2", "shape_off_stops")]
)
def test_a_shape_is_used_where_the_stops_are_on_it(tmp_path, points, note):
    feed = read(
        tmp_path, trips=FEED["trips"].replace("b1,", "b1,sh"), shapes=f"shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\nsh,{points}\n"
    )
    pattern = next(iter(feed.network.patterns.values()))
    assert feed.notes[note or "pattern_without_shape"] == bool(note)
    assert pattern.stop_m == pytest.approx([0.0, 795.0, 1590.0], abs=2.0)
    assert np.hypot(*(pattern.points_m[-1] - pattern.points_m[0])) == pytest.approx(1590.0 if note else 2385.0, abs=3.0)


def test_a_shape_that_is_not_there_is_told(tmp_path):
    feed = read(tmp_path, trips=FEED["trips"].replace("b1,", "b1,ghost"))
    assert feed.notes["shape_unknown"] == 1
    assert "t1" in feed.network.trips


def test_frequencies_run_as_often_as_they_say_and_by_headway(tmp_path):
    feed = read(
        tmp_path, frequencies="trip_id,start_time,end_time,headway_secs\nt1,07:00:00,08:00:00,600\nghost,07:00:00,08:00:00,600\nt1,9,10,0\n"
    )
    assert sorted(feed.network.trips) == [f"t1@07:{minute}0:00" for minute in range(6)]
    assert feed.network.trips["t1@07:20:00"].arrival_s.tolist() == [26400.0, 26700.0, 27000.0]
    assert feed.network.headway_lines == {"r1"}
    assert feed.notes["frequency_of_unknown_trip"] == feed.notes["frequency_unreadable"] == 1


@pytest.mark.parametrize(
    ("day", "dates", "runs"),
    [
        (DAY, None, True),
        (date(2024, 5, 18), None, False),  # a Saturday
        (date(2025, 5, 14), None, False),
        (DAY, "wd,20240515,2", False),
        (date(2024, 5, 18), "wd,20240518,1", True),
    ],
)
def test_the_calendar_and_its_exceptions(tmp_path, day, dates, runs):
    tables = {"calendar_dates": f"service_id,date,exception_type\n{dates}\n"} if dates else {}
    if runs:
        assert set(read(tmp_path, day, **tables).network.trips) == {"t1"}
    else:
        with pytest.raises(ConfigError, match="no trip"):
            read(tmp_path, day, **tables)


@pytest.mark.parametrize("tables", [{"agency": None}, {"agency": FEED["agency"].replace("Europe/Rome", "Mars/Base")}, {"stop_times": None}])
def test_what_no_service_can_be_run_from_is_refused(tmp_path, tables):
    with pytest.raises(ConfigError):
        read(tmp_path, **tables)


def test_the_service_day_begins_twelve_hours_before_noon():
    rome = ZoneInfo("Europe/Rome")
    assert midnight_ns(date(2024, 5, 15), rome) // 10**9 == 1715724000
    assert midnight_ns(date(2024, 3, 31), rome) // 10**9 == 1711839600 - 3600  # clocks went forward: 23:00 of the day before


@pytest.mark.parametrize(("text", "seconds"), [("0:00:00", 0.0), ("7:05:09", 25509.0), ("25:00:00", 90000.0), (" 8:00:00", 28800.0)])
def test_seconds_of_the_service_day(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "8:00", "8:60:00", "-1:00:00", "a:b:c", "999:00:00", "٣:00:00"])
def test_what_is_no_time(text):
    assert np.isnan(seconds_of(text))


def test_clock():
    assert clock(90_061.4) == "25:01:01"
