"""Stands in for a run of tinybench: sleeps for as many ms as the job's `limit`, and has a result.

Started as a worker starts the child of a job, and heeds the end of its input as that does.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path


def main() -> None:
    """Do one job."""
    told = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=watch, daemon=True).start()
    folder = Path(told["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    order = told["order"]
    print(json.dumps({"note": "asleep", "done": 0, "total": 1}), flush=True)
    time.sleep(order["job"]["words"]["limit"] / 1000)
    said = {"id": order["id"], "attempt": order["attempt"], "board": order["board"]}
    (folder / "result.json").write_text(json.dumps(said))


def watch() -> None:
    """End with the input, as Ctrl-C would."""
    while os.read(0, 4096):
        pass
    os._exit(130)


if __name__ == "__main__":
    main()
