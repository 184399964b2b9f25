"""The part of Transloadit's API2 that matters to the broker, on this machine.

`app` wires it and holds the endpoints; `tokens` mints and knows bearer tokens; `authentication` checks bearers and
signatures; `faults` lets tests break it; `errors` are the codes that api2 documents.
"""
