"""Serve the page: `python -m ui`. Invalid settings are reported at startup, before anyone sees a broken page."""

import os
import sys
from pathlib import Path

from telemetry import forwarding
from telemetry.settings import Settings as TelemetrySettings
from telemetry.settings import read
from ui.settings import Settings

INVALID_SETTINGS = 2  # exit code


def main() -> None:
    """Replace this process with Streamlit.

    Raises:
        SystemExit: a setting is invalid.
    """
    try:
        settings, telemetry = read(Settings), read(TelemetrySettings)
        forwarding.connect(telemetry)
        if telemetry.path is None:
            raise ValueError(
                "TELEMETRY_PATH is not set. Set it to the file that stores feedback, for example events.db."
            )
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(INVALID_SETTINGS)
    page = Path(__file__).with_name("app.py")
    address = [f"--server.address={settings.host}", f"--server.port={settings.port}"]
    # `-m streamlit` instead of `streamlit` keeps the current folder on the import path, as `python -m ui` does.
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", str(page), *address])


if __name__ == "__main__":
    main()
