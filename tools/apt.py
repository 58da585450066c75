"""Installs packages with apt, where the machine has it and this user may."""

import functools
import os
import shutil
import subprocess

SECONDS = 600


def install(*packages: str) -> bool:
    """Installs Debian packages; False where that cannot be done, which is then said."""
    names = " ".join(packages)
    if not (shutil.which("apt-get") and shutil.which("timeout")):
        return False
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if prefix and not (shutil.which("sudo") and _succeeds([*prefix, "true"])):
        print(f"Debian's package would need root: apt install {names}", flush=True)
        return False
    # `timeout` runs behind sudo, where it may end what root started.
    prefix += ["env", "DEBIAN_FRONTEND=noninteractive", "timeout", "--foreground", str(SECONDS)]
    apt_get = (*prefix, "apt-get", "-q", "-o", "DPkg::Lock::Timeout=60")
    command = [*apt_get, "install", "-y", "--no-install-recommends", *packages]
    print(f"Installing Debian's {names}.", flush=True)
    # A fresh machine has no package lists yet; old ones name files that are gone and, of Firefox,
    # a version that Playwright cannot drive.
    _update(apt_get)
    return _succeeds(command)


@functools.cache
def _update(apt_get: tuple[str, ...]) -> bool:
    return _succeeds([*apt_get, "update"])


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, stdin=subprocess.DEVNULL).returncode == 0
