"""What `nsvq info` and `nsvq models` tell about a checkpoint."""

from dataclasses import asdict

from app.work import Facts
from codec.catalog import CheckpointInfo


def checkpoint_facts(info: CheckpointInfo) -> Facts:
    """All that is known without the network."""
    config = info.config
    return {
        "kind": "checkpoint",
        "name": info.name,
        "path": str(info.path),
        "bytes": info.path.stat().st_size,
        "model_id": info.model_id.hex(),
        "num_parameters": info.num_parameters,
        "sample_rate": config.sample_rate,
        "delay_ms": config.delay_ms,
        "frame_rate": config.frame_rate,
        "codebook_size": config.codebook_size,
        "bitrates_kbps": [config.bitrate_kbps(n + 1) for n in range(config.num_stages)],
        "config": asdict(config),
        "metadata": info.metadata,
    }
