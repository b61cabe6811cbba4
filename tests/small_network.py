"""A SUMO network of a few lines, without and with lamps, whose map can be read off it."""

# Two one-way streets: west to east, cut in two at K without internal lanes; south to north in two internal parts, over a crossing.
SMALL = """<?xml version="1.0"?>
<net version="1.20">
  <location netOffset="100.00,0.00" convBoundary="-200,-200,200,200" origBoundary="0,0,0,0" projParameter="!"/>
  <edge id=":J_0" function="internal"><lane id=":J_0_0" index="0" speed="10" length="10" shape="-5,0 5,0"/></edge>
  <edge id=":J_1" function="internal"><lane id=":J_1_0" index="0" speed="10" length="3" shape="0,-5 0,-2"/></edge>
  <edge id=":J_3" function="internal"><lane id=":J_3_0" index="0" speed="10" length="7" shape="0,-2 0,5"/></edge>
  <edge id=":J_c0" function="crossing">
    <lane id=":J_c0_0" index="0" allow="pedestrian" speed="1" length="6" width="3" shape="-3,4 3,4"/>
  </edge>
  <edge id=":J_w0" function="walkingarea">
    <lane id=":J_w0_0" index="0" allow="pedestrian" speed="1" length="4" width="2" shape="-3,2 -3,6 -5,6 -5,2"/>
  </edge>
  <edge id="w0" from="W" to="K"><lane id="w0_0" index="0" speed="14" length="150" width="3.5" shape="-200,0 -50,0"/></edge>
  <edge id="w1" from="K" to="J">
    <lane id="w1_0" index="0" speed="14" length="45" width="3.5" disallow="pedestrian" shape="-50,0 -5,0"/>
    <lane id="w1_1" index="1" speed="14" length="45" allow="bus taxi" shape="-50,3 -5,3"/>
    <lane id="w1_2" index="2" speed="14" length="45" allow="tram" shape="-50,6 -5,6"/>
    <lane id="w1_3" index="3" speed="14" length="45" allow="bicycle" width="1.5" shape="-50,-3 -5,-3"/>
    <lane id="w1_4" index="4" speed="14" length="45" allow="pedestrian" width="2" shape="-50,-5 -5,-5"/>
    <lane id="w1_5" index="5" speed="14" length="45" disallow="all" width="2" shape="-50,-7 -5,-7"/>
    <lane id="w1_6" index="6" speed="14" length="45" allow="rail" width="2" shape="-50,9 -5,9"/>
  </edge>
  <edge id="e" from="J" to="E"><lane id="e_0" index="0" speed="14" length="195" width="3.5" shape="5,0 200,0"/></edge>
  <edge id="s" from="S" to="J"><lane id="s_0" index="0" speed="8" length="195" shape="0,-200 0,-5"/></edge>
  <edge id="n" from="J" to="N"><lane id="n_0" index="0" speed="8" length="195" shape="0,5 0,200"/></edge>
  <edge id="far" from="N" to="F"><lane id="far_0" index="0" speed="8" length="400" shape="0,200 0,600"/></edge>
  <junction id="J" type="priority" x="0" y="0" incLanes="w1_0 s_0 :J_w0_0" intLanes=":J_0_0 :J_3_0 :J_c0_0">
    <request index="0" response="000" foes="010" cont="0"/>
    <request index="1" response="101" foes="101" cont="1"/>
    <request index="2" response="000" foes="010" cont="0"/>
  </junction>
  <junction id="K" type="priority" x="-50" y="0" incLanes="w0_0" intLanes=""/>
  <junction id="N" type="priority" x="0" y="200" incLanes="n_0" intLanes=""/>
  <junction id="W" type="dead_end" x="-200" y="0"/>
  <junction id="E" type="dead_end" x="200" y="0"/>
  <junction id="S" type="dead_end" x="0" y="-200"/>
  <junction id="F" type="dead_end" x="0" y="600"/>
  <connection from="w0" to="w1" fromLane="0" toLane="0" dir="s" state="M"/>
  <connection from="w1" to="e" fromLane="0" toLane="0" via=":J_0_0" dir="s" state="M"/>
  <connection from="s" to="n" fromLane="0" toLane="0" via=":J_1_0" dir="s" state="m"/>
  <connection from=":J_0" to="e" fromLane="0" toLane="0" dir="s" state="M"/>
  <connection from=":J_1" to="n" fromLane="0" toLane="0" via=":J_3_0" dir="s" state="m"/>
  <connection from=":J_3" to="n" fromLane="0" toLane="0" dir="s" state="M"/>
  <connection from=":J_w0" to=":J_c0" fromLane="0" toLane="0" dir="s" state="M"/>
  <connection from="n" to="far" fromLane="0" toLane="0" dir="s" state="M"/>
</net>
"""
SIGNALISED = (
    SMALL.replace('id="J" type="priority"', 'id="J" type="traffic_light"')
    .replace('via=":J_0_0" dir', 'via=":J_0_0" tl="T" linkIndex="0" dir')
    .replace('via=":J_1_0" dir', 'via=":J_1_0" tl="T" linkIndex="1" dir')
    .replace('to=":J_c0" fromLane="0" toLane="0" dir', 'to=":J_c0" fromLane="0" toLane="0" tl="T" linkIndex="2" dir')
)
