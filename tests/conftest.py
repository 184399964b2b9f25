"""Keeps the AWS settings of this shell from the tests, and from the time of a test what the machine does beside it."""

import gc
import os
from contextlib import suppress

# A profile may use FIPS endpoints, or not be there.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull

# An example may take as long as the machine likes. The client's own tests run without Hypothesis, too.
with suppress(ImportError):
    from hypothesis import settings

    settings.register_profile("patient", deadline=None)
    settings.load_profile("patient")

TESTS_PER_COLLECTION = 200
_ended = 0


# A full collection among all tests and their libraries stops every thread for up to a second, and a call to the shared
# table has half of one. So it runs between tests.
def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, 1_000_000)


def pytest_runtest_logfinish() -> None:
    global _ended
    _ended += 1
    if _ended % TESTS_PER_COLLECTION == 0:
        gc.collect()
