"""Keeps the AWS settings of this shell from the tests, and full garbage collections from the time of a test."""

import gc
import os

# A profile may use FIPS endpoints, or not be there.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull

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
