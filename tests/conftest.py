"""What all Python tests share: the modules in tests/support, and the program under test."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

import consort_cli  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def program():
    """The program under test; without it no test here means anything."""
    if not consort_cli.BINARY.exists():
        pytest.exit(f"{consort_cli.BINARY} does not exist: run 'make', or name a build with CONSORT_BINARY.", returncode=1)
    return consort_cli.BINARY
