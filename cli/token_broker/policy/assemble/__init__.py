"""Rules that assemble: what an author may write (`model`), its checks, its compiled form, and a trial of it.

model     the keys below `assemble`
checks    what a model cannot check: the issuer, and names that a request could not tell apart
compiler  from the model to the struct that the function reads
trial     what a caller may have made, by the function's own decision
"""
