"""Where Chromium is: named by LENS_BROWSER, or on the PATH. Prints it; exit code 1 where there is none."""

from __future__ import annotations

import os
import shutil
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")


def find_browser() -> str | None:
    """Path of the browser, or None."""
    named = os.environ.get("LENS_BROWSER")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


if __name__ == "__main__":
    found = find_browser()
    print(found or "no Chromium")
    sys.exit(found is None)
