"""A signalised corridor made at run time by SUMO's netgenerate: what speed advice is measured on.

Five crossings 400 m apart, side roads of 300 m, two lanes each way and a pocket for the left turn; an hour's worth of flows in twenty
minutes along the main road and across. Everything follows from these lines; the seed only draws who drives when.
"""

import subprocess
from pathlib import Path

CROSSINGS = "ABCDE"
BLOCK_M, SIDE_M, POCKET_M, LIMIT_MPS = 400, 300, 60, 13.89
FLOW_S, END_S = 1200, 1800  # demand ends, and everybody has long left
MAIN_VEH_H, SIDE_VEH_H = 700, 160
SHARES = {"straight": 0.7, "left": 0.15, "right": 0.15}  # of who comes from a side road
CYCLE_S = 60  # more than Webster (1958) asks for at these flows, and what cities use


def generate(folder: Path) -> Path:
    """The scenario's configuration, in `folder`."""
    network = folder / "corridor.net.xml"
    words = {
        "grid.x-number": len(CROSSINGS),
        "grid.y-number": 1,
        "grid.length": BLOCK_M,
        "grid.attach-length": SIDE_M,
        "default.lanenumber": 2,
        "default.speed": LIMIT_MPS,
        "turn-lanes": 1,
        "turn-lanes.length": POCKET_M,
        "no-turnarounds": "true",
        "tls.cycle.time": CYCLE_S,
        "tls.set": ",".join(f"{name}0" for name in CROSSINGS),
        "output-file": network,
    }
    subprocess.run(
        ["netgenerate", "--grid", *(word for name, value in words.items() for word in (f"--{name}", str(value)))],
        check=True,
        capture_output=True,
    )
    (folder / "corridor.rou.xml").write_text(_routes(), encoding="utf-8")
    configuration = folder / "corridor.sumocfg"
    configuration.write_text(
        '<configuration><input><net-file value="corridor.net.xml"/><route-files value="corridor.rou.xml"/></input>'
        f'<time><begin value="0"/><end value="{END_S}"/></time></configuration>\n',
        encoding="utf-8",
    )
    return configuration


def _routes() -> str:
    """Both ways along the main road; from each side road straight across, or by a turn into the main road and out at its end."""
    first, last = f"{CROSSINGS[0]}0", f"{CROSSINGS[-1]}0"
    west, east = (f"left0{first}", f"{last}right0"), (f"right0{last}", f"{first}left0")
    flows = [(*west, MAIN_VEH_H), (*east, MAIN_VEH_H)]
    for number, name in enumerate(CROSSINGS):
        for side, opposite, left in (("bottom", "top", east[1]), ("top", "bottom", west[1])):
            right = west[1] if left == east[1] else east[1]
            ends = {"straight": f"{name}0{opposite}{number}", "left": left, "right": right}
            flows += [(f"{side}{number}{name}0", ends[turn], SIDE_VEH_H * share) for turn, share in SHARES.items()]
    rows = [
        f'<flow id="f{row}" from="{origin}" to="{end}" begin="0" end="{FLOW_S}" probability="{rate / 3600:.4f}" '
        'departLane="best" departSpeed="max"/>'
        for row, (origin, end, rate) in enumerate(flows)
    ]
    return "<routes>\n" + "\n".join(rows) + "\n</routes>\n"
