"""Where tinybench keeps what it can make or fetch again."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the user's cache folder for tinybench; TINYBENCH_CACHE names another one."""
    own = os.environ.get("TINYBENCH_CACHE")
    if own:
        return Path(own)
    import platformdirs

    return platformdirs.user_cache_path("tinybench")
