"""One module per application (T/CSAE 53-2020), each saying when its warning is raised, held and how severe it is."""
