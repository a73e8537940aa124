"""Look up known vulnerabilities of what we depend on, and say honestly what could not be asked."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from notifysite.stack.console import Console
from notifysite.stack.processes import ROOT

REQUIREMENTS = ("base.txt", "embedded.txt")


def audit(console: Console) -> int:
    """1 when a vulnerability is known; a service that cannot be reached fails nothing."""
    files = [word for name in REQUIREMENTS for word in ("-r", str(ROOT / "requirements" / name))]
    tool = str(Path(sys.executable).with_name("pip-audit"))
    options = ("--disable-pip", "--require-hashes", "-f", "json", "--progress-spinner", "off")
    done = subprocess.run((tool, *options, *files), capture_output=True, text=True, check=False)
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        reason = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        console.warn(f"pip-audit could not ask an advisory service: {reason[0][:160]}")
        return 0
    return _report(packages, console)


def _report(packages: list[dict[str, Any]], console: Console) -> int:
    found = [(one, flaw) for one in packages for flaw in one.get("vulns", [])]
    for one, flaw in found:
        fixed = ", ".join(flaw["fix_versions"]) or "nothing yet"
        console.warn(f"{one['name']} {one['version']}: {flaw['id']}, fixed by {fixed}")
    unknown = sum("skip_reason" in one for one in packages)
    if unknown:
        console.warn(f"no advisory service answered for {unknown} of {len(packages)} packages")
    console.step(
        f"{len(found)} known vulnerabilities in {len(packages) - unknown} packages looked up"
    )
    return 1 if found else 0
