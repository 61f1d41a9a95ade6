#!/usr/bin/env python3
"""Downloads one Maven artifact without Java and checks it.

    fetch_maven.py GROUP:ARTIFACT:VERSION[:CLASSIFIER]@TYPE SHA256 CACHE_FOLDER

Prints the path of the checked file. Exits with 1 and one sentence on stderr when it cannot be had or is not the file
that the checksum names.
"""

import argparse
import hashlib
import sys
import time
from pathlib import Path

from jgo.maven import MavenContext

ATTEMPTS = 3
TIMEOUT_S = 120


def resolve(coordinate: str, cache: Path) -> Path:
    """Returns the artifact's path in the cache, downloading it when it is not there."""
    name, _, packaging = coordinate.partition("@")
    group, artifact, version, *classifier = name.split(":")
    component = MavenContext(repo_cache=cache, timeout=TIMEOUT_S).project(group, artifact).at_version(version)
    return Path(component.artifact(classifier[0] if classifier else "", packaging).resolve())


def fetch(coordinate: str, sha256: str, cache: Path) -> Path:
    """Like resolve, but tries again after a network error or a broken file, which it removes."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            path = resolve(coordinate, cache)
            found = hashlib.sha256(path.read_bytes()).hexdigest()
            if found == sha256:
                return path
            path.unlink()
            problem = f"its sha256 is {found}, not {sha256}"
        except Exception as error:  # jgo, requests and urllib3 each have types of their own
            problem = f"{type(error).__name__}: {error}"
        if attempt < ATTEMPTS:
            time.sleep(2 * attempt)
    raise SystemExit(f"The Maven artifact {coordinate} could not be fetched in {ATTEMPTS} attempts: {problem}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Downloads one Maven artifact and checks it.")
    parser.add_argument("coordinate", help="GROUP:ARTIFACT:VERSION[:CLASSIFIER]@TYPE")
    parser.add_argument("sha256")
    parser.add_argument("cache", type=Path, help="folder that keeps downloads")
    options = parser.parse_args()
    print(fetch(options.coordinate, options.sha256, options.cache))


if __name__ == "__main__":
    sys.exit(main())
