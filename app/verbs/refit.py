"""`nsvq refit`: codebooks fitted to a checkpoint's network as it is."""

from pathlib import Path

import click

from app.options import checkpoint_output_options
from codec.output import check_target


@click.command()
@click.argument("checkpoint")
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="Folder of recordings to fit them to: those it was trained on.",
)
@click.option("--num-stages", type=click.IntRange(1, 64), help="Stages; as many as it has.")
@click.option(
    "--hours",
    type=click.FloatRange(0.0, min_open=True),
    default=6.0,
    show_default=True,
    help="Speech to hear at most, each recording at two levels; six hours take 1.6 GB of memory.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of order and levels."
)
@checkpoint_output_options
def command(
    checkpoint: str, *, data: Path, num_stages: int | None, hours: float, seed: int, output: Path,
    force: bool,
) -> None:  # fmt: skip
    """Fit a checkpoint's codebooks to its network, or give it more stages, without training.

    Codewords that a run ends with lag behind its encoder, and those of an average are another
    encoder's. Prints what share of the latents' power each stage leaves, before and now.

    \b
    nsvq refit mean.safetensors --data DIR -o fitted.safetensors
    nsvq refit fitted.safetensors --data DIR --num-stages 20 -o deeper.safetensors
    """
    import torch

    from codec.backends.torch_checkpoint import load_checkpoint, save_checkpoint
    from codec.catalog import find_checkpoint
    from training.corpora.corpus import load_corpus
    from training.run.refitting import latents_of, refit, with_stages

    check_target(output, force)
    model, _, metadata = load_checkpoint(find_checkpoint(checkpoint))
    known = model.config.num_stages
    corpus = load_corpus(data, model.config.sample_rate)
    torch.manual_seed(seed)
    for line in corpus.refused:
        click.echo(f"left out: {line}", err=True)
    model = with_stages(model, num_stages or known)
    latents = latents_of(model, corpus, 3600.0 * hours, seed)
    click.echo(f"{len(latents)} frames", err=True)
    for left in refit(model, latents, known):
        before = f"{left.before:.5f} -> " if left.stage <= known else ""
        click.echo(f"stage {left.stage}: {before}{left.now:.5f}")
    metadata["refit"] = f"{len(latents)} frames"
    save_checkpoint(output, model, metadata)
    click.echo(str(output))
