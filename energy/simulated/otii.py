"""A simulated Otii server: JSON lines over TCP, one Otii behind it, and its faults."""

import contextlib
import json
import socketserver
import threading
import time
from types import TracebackType
from typing import Any

from .scene import LOST_EDGE, PULSE_S, Scene, Supply

FAULTS = (
    "no licence",
    "licence taken",
    "not logged in",
    "no device",
    "two devices",
    "no main",  # it refuses to switch
    "hangs",
    "hangs up",
    "not json",
    "samples stop",
    "samples lost",
    "nan",
    "text for a number",
    "short answer",
    "event lost",
    "event extra",
    "rate error",
)
RATE_HZ = {"Arc": (4000, 1000), "Ace": (50_000, 50_000)}
FAULT_AT = 75_000
LOST = 500


class SimulatedOtii:
    """The server, inside a `with`; `address` is host:port."""

    def __init__(
        self, scene: Scene, *, model: str = "Ace", voltage_v: float = 3.0, port: int = 0
    ) -> None:
        self._scene = scene
        self._fault_at = FAULT_AT if scene.fault_at is None else scene.fault_at
        self._model = model
        self._voltage_v = voltage_v
        self.supply = Supply(scene)
        self.reserved = False
        self._started_s: float | None = None
        self._stopped_s: float | None = None
        self._fast_s = 0.0
        simulated = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                simulated._serve(self.rfile, self.wfile)

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", port), Session)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="simulated", daemon=True
        )

    def __enter__(self) -> "SimulatedOtii":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _serve(self, lines: Any, out: Any) -> None:
        """Answer one client until it leaves."""
        with contextlib.suppress(OSError):
            out.write(
                b'{"type": "information", "info": "connected", "data": {"otii_version": "3.5.5", '
                b'"protocol_version": "0.1", "server": "otii-server"}}\r\n'
            )
            for line in lines:
                request = json.loads(line)
                answer = self._answer(request["cmd"], request.get("data", {}))
                if answer is None:
                    return
                if not answer:
                    continue
                kind = "error" if "errorcode" in answer else "response"
                answer = {"type": kind, "cmd": request["cmd"], **answer}
                text = json.dumps({**answer, "trans_id": request["trans_id"]})
                if "not json" in self._scene.faults and request["cmd"] == "project_start_recording":
                    text = text[:-5]
                out.write(text.encode() + b"\r\n")

    def _answer(self, command: str, data: dict[str, Any]) -> dict[str, Any] | None:
        """Return the answer; {} is silence, None ends the session."""
        if self._started_s is not None and self._now_s() * self._rate("mc") > self._fault_at:
            if "hangs" in self._scene.faults:
                return {}
            if "hangs up" in self._scene.faults:
                return None
        do = getattr(self, f"_do_{command}", None)
        answer: dict[str, Any] = do(data) if do else {"data": {}}
        return answer

    # One method for each command; what only sets something needs none.

    def _do_otii_is_logged_in(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"data": {"logged_in": "not logged in" not in self._scene.faults}}

    def _do_otii_get_licenses(self, _: dict[str, Any]) -> dict[str, Any]:
        licence = {"id": 7, "type": "Automation", "available": True, "hostname": ""}
        taken = "joe" if "licence taken" in self._scene.faults else ""
        there = [] if "no licence" in self._scene.faults else [{**licence, "reserved_to": taken}]
        return {"data": {"licenses": there}}

    def _do_otii_reserve_license(self, _: dict[str, Any]) -> dict[str, Any]:
        self.reserved = True
        return {"data": {}}

    def _do_otii_return_license(self, _: dict[str, Any]) -> dict[str, Any]:
        self.reserved = False
        return {"data": {}}

    def _do_otii_get_devices(self, _: dict[str, Any]) -> dict[str, Any]:
        one = {"device_id": f"{self._model}0001", "name": "Simulated", "type": self._model}
        devices = [one]
        if "no device" in self._scene.faults:
            devices = []
        if "two devices" in self._scene.faults:
            devices.append({**one, "device_id": f"{self._model}0002"})
        return {"data": {"devices": devices}}

    def _do_otii_create_project(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"data": {"project_id": 1}}

    def _do_arc_get_version(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"data": {"fw_version": "2.1.0", "hw_version": "1"}}

    def _do_arc_set_main(self, data: dict[str, Any]) -> dict[str, Any]:
        on = bool(data["enable"])
        if on and "no main" in self._scene.faults:
            return {"errorcode": "Command failure", "data": {"message": "over temperature"}}
        self.supply.switch(on)
        return {"data": {}}

    def _do_arc_set_main_voltage(self, data: dict[str, Any]) -> dict[str, Any]:
        self._voltage_v = float(data["value"])
        return {"data": {}}

    def _do_arc_get_value(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"data": {"value": self._voltage_v if self.supply.on else 0.0}}

    def _do_arc_get_channel_samplerate(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"data": {"value": self._rate(data["channel"])}}

    def _do_project_start_recording(self, _: dict[str, Any]) -> dict[str, Any]:
        self._started_s, self._stopped_s, self._fast_s = time.monotonic(), None, 0.0
        self._scene.load.begin()
        return {"data": {}}

    def _do_project_stop_recording(self, _: dict[str, Any]) -> dict[str, Any]:
        self._stopped_s = self._now_s()
        return {"data": {}}

    def _do_project_get_last_recording(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"data": {"recording_id": 3, "name": "Recording"}}

    def _do_recording_get_channel_data_count(self, data: dict[str, Any]) -> dict[str, Any]:
        if data["channel"] == "mc" and not self._scene.real_time and self._stopped_s is None:
            self._fast_s = min(self._fast_s + 0.5, self._scene.load.known_s())
        return {"data": {"count": self._count(data["channel"])}}

    def _do_recording_get_channel_data(self, data: dict[str, Any]) -> dict[str, Any]:
        channel, index, count = data["channel"], data["index"], data["count"]
        if channel in ("i1", "i2"):
            return {"data": {"data_type": "digital", "values": self._levels()[index:][:count]}}
        rate_hz = self._rate(channel)
        true_hz = self._scene.true_hz(rate_hz)
        lost = self._lost_before(index, channel)
        first = index + lost
        if channel == "mc":
            values = self._scene.load.current_a(first / true_hz, 1 / true_hz, count).tolist()
            at = self._fault_at - index
            if 0 <= at < count:
                self._break_values(values, at)
        else:
            values = [self._voltage_v] * count
        return {
            "data": {
                "data_type": "analog",
                "timestamp": first / rate_hz,
                "interval": 1 / rate_hz,
                "values": values,
            }
        }

    def _break_values(self, values: list[Any], at: int) -> None:
        if "nan" in self._scene.faults:
            values[at] = float("nan")
        if "text for a number" in self._scene.faults:
            values[at] = "0.005 A"
        if "short answer" in self._scene.faults:
            del values[at:]

    def _rate(self, channel: str) -> int:
        return RATE_HZ[self._model][0 if channel == "mc" else 1]

    def _now_s(self) -> float:
        if self._stopped_s is not None:
            return self._stopped_s
        if not self._scene.real_time:
            return self._fast_s
        return time.monotonic() - (self._started_s or 0.0)

    def _lost_before(self, index: int, channel: str) -> int:
        """Return how many samples were lost before the one stored at `index`."""
        share = self._rate(channel) / self._rate("mc")
        lost = "samples lost" in self._scene.faults and index >= self._fault_at * share
        return round(LOST * share) if lost else 0

    def _count(self, channel: str) -> int:
        now_s = self._now_s()
        if channel in ("i1", "i2"):
            return len(self._levels())
        count = int(now_s * self._rate(channel))
        if "samples stop" in self._scene.faults:
            count = min(count, self._fault_at)
        if "samples lost" in self._scene.faults and count >= self._fault_at:
            share = self._rate(channel) / self._rate("mc")
            edge = round(self._fault_at * share)
            count = min(count, edge) if count < edge + LOST else count - round(LOST * share)
        return count

    def _levels(self) -> list[dict[str, Any]]:
        """Return all changes of the input so far, the level at the start first."""
        now_s = self._now_s()
        scale = self._scene.true_hz(1.0)
        levels: list[dict[str, Any]] = [{"timestamp": 0.0, "value": True}]
        falls_s = list(self._scene.load.falling_s(0.0, now_s / scale)) if self.supply.on else []
        if "event lost" in self._scene.faults:
            del falls_s[LOST_EDGE : LOST_EDGE + 1]
        if "event extra" in self._scene.faults and now_s > 1.5:
            falls_s = sorted([*falls_s, 1.5])
        for fall_s in falls_s:
            if len(levels) > 1 and fall_s * scale <= levels[-1]["timestamp"]:
                levels.pop()  # it is low still
            else:
                levels.append({"timestamp": fall_s * scale, "value": False})
            levels.append({"timestamp": (fall_s + PULSE_S) * scale, "value": True})
        return [level for level in levels if level["timestamp"] <= now_s]
