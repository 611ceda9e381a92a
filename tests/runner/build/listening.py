"""The task of a stream of sound, for tests: the reference model behind the front end."""

from msgspec.structs import replace

from tinybench.runner.build.task import Task, load_task


def wake_task() -> Task:
    """Return a task whose uploads are 512 samples, with three outputs."""
    return replace(
        load_task("kws"),
        name="sww",
        title="streaming wake word",
        model_id="sww01",
        input_b=1024,
        front_end="log-mel",
        classes=["word", "silence", "other"],
    )
