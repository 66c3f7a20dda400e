"""Serve the page: `python -m ui`. Invalid settings are reported at startup, before anyone sees a broken page."""

import os
import sys
from pathlib import Path

from ui.settings import read

INVALID_SETTINGS = 2  # exit code


def main() -> None:
    """Replace this process with Streamlit.

    Raises:
        SystemExit: a setting is invalid.
    """
    try:
        settings = read()
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(INVALID_SETTINGS)
    page = Path(__file__).with_name("app.py")
    options = [f"--server.address={settings.host}", f"--server.port={settings.port}"]
    if settings.login is not None:
        options.append(f"--secrets.files={settings.login.resolve()}")
    # `-m streamlit` instead of `streamlit` keeps the current folder on the import path, as `python -m ui` does.
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", str(page), *options])


if __name__ == "__main__":
    main()
