"""The part of Transloadit's API2 that matters to the broker, on this machine.

A request goes one way through these modules; each knows only those below it:

    app                         the parts, put together
    control                     how tests steer it
    routes                      the table: method, path, scope, endpoint
    uploads  events  notifications  templates  credentials  auth_keys  account      the endpoints
    assemblies
    authentication  instructions  files      what endpoints share
    tokens  call  limits  listing
    store                       all that is remembered
    assembly  tus  resources    what is remembered of one thing, and what the clock makes of it
    faults  journal  config  model  clock  errors  robots  media  values      the ground
"""
