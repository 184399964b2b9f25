"""Keeps the AWS settings of this shell from the tests: a profile may use FIPS endpoints, or not be there."""

import os

for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
