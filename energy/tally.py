"""What has come from a monitor so far, added up: time, charge and energy."""

import numpy as np

from .trace import Chunk, TraceHead


class Tally:
    """Adds up chunks in their order; a lost sample adds nothing, and is counted."""

    def __init__(self, head: TraceHead) -> None:
        self._head = head
        self._next = 0
        self.samples = 0
        """That came."""
        self.lost = 0
        self.charge_c: float | None = 0.0
        """None where nobody knows the voltage of a sample that is an energy or a power."""
        self.energy_j: float | None = 0.0
        """None where nobody knows the voltage of a current."""

    @property
    def time_s(self) -> float:
        """How long it has been, by the monitor's clock."""
        return self._next / self._head.rate_hz

    def begin(self, at: "Tally | int") -> None:
        """Begin where another one is now, or at a sample: nothing before it is lost."""
        self._next = at if isinstance(at, int) else at._next

    def add(self, chunk: Chunk) -> None:
        """Take a chunk."""
        values = np.asarray(chunk.samples, np.float64)
        volts: np.ndarray | float | None = self._head.voltage_v
        if chunk.voltage_v is not None:
            volts = np.asarray(chunk.voltage_v, np.float64)
        there = np.isfinite(values)
        if isinstance(volts, np.ndarray):
            there &= np.isfinite(volts)
            volts = volts[there]
        values = values[there]
        after = max(chunk.start_index + len(there), self._next)
        self.lost += after - self._next - len(values)
        if not len(there):  # samples that came, and of which the monitor says too late: not whole
            self.lost += sum(gap.count for gap in chunk.gaps if gap.start_index < self._next)
        self.samples += len(values)
        self._next = after
        scale = {"J": 1.0, "uJ": 1e-6}.get(self._head.unit, 1 / self._head.rate_hz)
        whole = float(values.sum()) * scale
        if self._head.unit == "A":
            over_j = None if volts is None else float((values * volts).sum()) * scale
            self.charge_c, self.energy_j = _plus(self.charge_c, whole), _plus(self.energy_j, over_j)
        else:
            with np.errstate(divide="ignore", invalid="ignore"):
                over_c = None if volts is None else float((values / volts).sum()) * scale
            self.charge_c, self.energy_j = _plus(self.charge_c, over_c), _plus(self.energy_j, whole)

    def line(self) -> str:
        """Return the sums as a person reads them."""
        charge = "? mAh" if self.charge_c is None else f"{self.charge_c / 3.6:.6g} mAh"
        if self.energy_j is None:
            return f"{charge}  ? uWh"
        mwh = self.energy_j / 3.6
        return f"{charge}  {mwh:.6g} mWh" if mwh >= 1 else f"{charge}  {mwh * 1e3:.6g} uWh"


def _plus(total: float | None, more: float | None) -> float | None:
    return None if total is None or more is None else total + more
