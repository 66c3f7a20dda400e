"""Open the page: `python -m ui`. Wrong settings end it with a message, before anybody sees a broken page."""

import os
import sys
from pathlib import Path

from telemetry import forwarding
from telemetry.settings import Settings as TelemetrySettings
from telemetry.settings import read
from ui.settings import Settings

WRONG_SETTINGS = 2  # the exit code for what a user can mend


def main() -> None:
    """Become the process of Streamlit.

    Raises:
        SystemExit: a setting is wrong.
    """
    try:
        settings, telemetry = read(Settings), read(TelemetrySettings)
        forwarding.connect(telemetry)
        if telemetry.path is None:
            raise ValueError("Set TELEMETRY_PATH, the file where feedback is kept: TELEMETRY_PATH=events.db, say.")
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(WRONG_SETTINGS)
    page = Path(__file__).with_name("app.py")
    address = [f"--server.address={settings.host}", f"--server.port={settings.port}"]
    # As a module: the folder that this was started in is on the path, as for `python -m ui`.
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", str(page), *address])


if __name__ == "__main__":
    main()
