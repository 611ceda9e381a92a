"""Whether who answers on a line is meant: the model of the task, in the image that was built."""

from tinybench.errors import OtherDutError, ProtocolError

from ..build.firmware import Image
from ..build.task import Task
from ..dut.identity import Identity


def holds(identity: Identity, image: Image) -> bool:
    """Return whether the firmware that answers is this image."""
    return f"build-{image.build_id}" in identity.caps


def insist_task(identity: Identity, task: Task, image: Image | None) -> None:
    """Raise ProtocolError or OtherDutError unless the DUT holds the task's model, in this image."""
    if identity.model_id != task.model_id:
        raise ProtocolError(
            f"the DUT holds model '{identity.model_id}', task {task.name} needs '{task.model_id}'"
        )
    if image is not None and not holds(identity, image):
        raise OtherDutError(
            f"the board holds other firmware than was built for it here ({image.elf}): it says "
            f"'{' '.join(identity.caps)}', not build-{image.build_id}. Write that file into it "
            "('tinybench flash', where the board declares how), or take the board as it is with "
            "--board serial"
        )
