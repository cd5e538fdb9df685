"""Speech from nothing: tokenize a folder, train a small next-code model, sample from it, listen.

    python examples/next_code.py SPEECH_FOLDER --seconds 60

Leaves `tokens/` (Parquet shards) and `sample.wav` in the output folder. A two-layer GRU reads the
codes of the first stages frame by frame and guesses those of the next frame. After a minute it
babbles; what it shows is how little stands between a folder of recordings and a speech model.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import Tensor, nn

from codec import Codec
from codec.audio import write_audio

STAGES = 4
FRAMES = 100
"""Length of a training example: two seconds."""
BATCH = 8


def tokenize(source: str, folder: Path, checkpoint: str) -> list[np.ndarray]:
    """The corpus as codes [Q, F], one array a recording."""
    command = [sys.executable, "-m", "app", "tokens", source, "-o", folder, "--stages", STAGES]
    command += ["--checkpoint", checkpoint, "--jobs", 1]
    subprocess.run([str(word) for word in command], check=True)
    table = pq.read_table(sorted(folder.glob("tokens-*.parquet")), columns=["codes"])
    return [np.stack(row.as_py()) for row in table["codes"]]


class NextCode(nn.Module):
    """Frame by frame: the codes of a frame in, scores for those of the next out."""

    def __init__(self, codebook_size: int, width: int = 128) -> None:
        super().__init__()
        self.embed = nn.ModuleList(nn.Embedding(codebook_size, width) for _ in range(STAGES))
        self.layers = nn.GRU(width, width, num_layers=2, batch_first=True)
        self.scores = nn.Linear(width, STAGES * codebook_size)

    def forward(self, codes: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Shape: codes [B, Q, F] -> scores [B, Q, F, K], state."""
        features = sum(embed(codes[:, q]) for q, embed in enumerate(self.embed))
        hidden, state = self.layers(features, state)
        return self.scores(hidden).unflatten(-1, (STAGES, -1)).transpose(1, 2), state


def train(model: NextCode, corpus: list[np.ndarray], seconds: float, max_steps: int) -> list[float]:
    """Teach `model` for so many seconds; the loss of every step, in nats a code."""
    stream = torch.from_numpy(np.concatenate(corpus, axis=1).astype(np.int64))
    frames = min(FRAMES, stream.shape[1] - 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    losses: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end and len(losses) < max_steps:
        starts = torch.randint(stream.shape[1] - frames - 1, (BATCH,))
        batch = torch.stack([stream[:, start : start + frames + 1] for start in starts])
        scores, _ = model(batch[..., :-1])
        loss = nn.functional.cross_entropy(scores.flatten(0, 2), batch[..., 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def sample(model: NextCode, start: np.ndarray, num_frames: int, temperature: float) -> np.ndarray:
    """Go on from a recording's beginning. Shape: start [Q, F] -> [Q, F + num_frames]."""
    codes = torch.from_numpy(start.astype(np.int64))[None]
    scores, state = model(codes)
    frames = [codes]
    for _ in range(num_frames):
        chances = torch.softmax(scores[:, :, -1] / temperature, dim=-1)[0]
        frames.append(torch.multinomial(chances, 1)[None])
        scores, state = model(frames[-1], state)
    return torch.cat(frames, dim=2).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", help="folder of recordings, or a manifest")
    parser.add_argument("--output", type=Path, default=Path("next-code"))
    parser.add_argument("--checkpoint", default="default")
    parser.add_argument("--seconds", type=float, default=60.0, help="time to train for")
    parser.add_argument("--steps", type=int, default=1_000_000, help="most training steps")
    parser.add_argument("--temperature", type=float, default=0.8)
    options = parser.parse_args()

    torch.manual_seed(0)
    corpus = tokenize(options.source, options.output / "tokens", options.checkpoint)
    codec = Codec.load(options.checkpoint)
    model = NextCode(codec.config.codebook_size)
    losses = train(model, corpus, options.seconds, options.steps)
    few = max(1, len(losses) // 10)
    print(f"{len(corpus)} recordings, {len(losses)} steps: loss {np.mean(losses[:few]):.2f} -> "
          f"{np.mean(losses[-few:]):.2f} nats a code")  # fmt: skip
    codes = sample(model, corpus[0][:, :50], 150, options.temperature)
    wave = codec.decode(codes)
    write_audio(options.output / "sample.wav", wave, codec.config.sample_rate)
    print(f"{options.output / 'sample.wav'}: a second of a recording, then {150 / 50:g} s made up")


if __name__ == "__main__":
    main()
