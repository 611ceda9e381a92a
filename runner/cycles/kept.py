"""Where calibrations are kept: one a board, by the user, beside the bench file."""

import os
from pathlib import Path


def calibrations_folder() -> Path:
    """Return the user's folder of calibrations; TINYBENCH_CALIBRATIONS names another one."""
    own = os.environ.get("TINYBENCH_CALIBRATIONS")
    if own:
        return Path(own)
    import platformdirs

    return platformdirs.user_config_path("tinybench") / "calibrations"


def calibration_file(board: str) -> Path | None:
    """Return the calibration of a board; None where there is none."""
    path = calibrations_folder() / f"{board}.toml"
    return path if path.is_file() else None
