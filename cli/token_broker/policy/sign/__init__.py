"""Rules that sign: what an author may write (`model`), its checks, and its compiled form.

model     the keys of `sign`
checks    what a model cannot check: credentials, names, claims in paths
compiler  from the model to the structs that the function reads
"""
