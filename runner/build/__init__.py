"""From names to an image: boards, tasks, their inputs and model, and the firmware built of them."""
