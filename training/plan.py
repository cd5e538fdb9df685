"""What a run would take, measured on a few steps of it."""

import time

import torch

from training.run import Run


def estimate(run: Run, num_steps: int = 4) -> dict[str, str]:
    """Parameters, bitrates, delay, memory and time of `run`, ready to print.

    It takes `num_steps` real steps, so the run is not to be used afterwards.
    """
    config, recipe = run.recipe.model, run.recipe
    run.train_step()
    begin = time.perf_counter()
    for _ in range(num_steps):
        run.train_step()
    step_s = (time.perf_counter() - begin) / num_steps
    parameters = sum(p.numel() for p in run.model.parameters())
    heard = recipe.data.batch_size * recipe.data.crop_s
    return {
        "parameters": f"{parameters / 1e6:.2f} M ({2 * parameters / 1e6:.1f} MB as a checkpoint)",
        "bitrates": f"{config.bitrate_kbps(1):g} to {config.bitrate_kbps():g} kbps in "
        f"{config.num_stages} stages",
        "algorithmic delay": f"{config.delay_ms:g} ms",
        "memory in use": _memory(run.device),
        "one step": f"{step_s:.3f} s for {heard:.1f} s of audio",
        "the whole run": f"{recipe.num_steps} steps, {recipe.num_steps * step_s / 3600:.1f} h",
    }


def _memory(device: str) -> str:
    if device.startswith("cuda"):
        return f"{torch.cuda.max_memory_allocated() / 1e9:.1f} GB on the device"
    import resource

    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB"
