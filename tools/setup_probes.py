"""Makes sure that the programs of the probes are there: `python -m tools.setup_probes`.

Ends with 0 in any case: a probe whose program is missing says so.
"""

import shutil
import sys

from tools import apt

PROGRAMS = {
    "firefox-esr": ("firefox-esr",),
    "nginx": ("nginx-light",),
    "WebKitWebDriver": ("webkit2gtk-driver",),
    "Xvfb": ("xvfb", "xauth"),
}
"""Programs, and the Debian packages that bring them."""


def main() -> int:
    for program, packages in PROGRAMS.items():
        if shutil.which(program) is None:
            apt.install(*packages)
    return 0


if __name__ == "__main__":
    sys.exit(main())
