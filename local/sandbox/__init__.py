"""The part of Transloadit's API2 that matters to the broker, on this machine.

A request goes one way through these modules; each knows only those below it:

    app                         the parts, put together
    control  smart_cdn  storage     the endpoints that steer it; pictures by signed URLs, buckets by grants
    routes                      the table: method, path, scope, endpoint
    uploads  events  notifications  templates  credentials  auth_keys  account      the endpoints
    assemblies  stored
    authentication  instructions  files      what endpoints share
    tokens  call  limits  listing
    store                       everything that is remembered
    assembly  tus    one remembered thing each, and its state at a given time
    faults  journal  config  model  resources  clock  errors  robots  media  values      the ground
"""
