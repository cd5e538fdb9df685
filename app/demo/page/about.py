"""The About tab: which network this is, what it was trained on, and what it can't do."""

import gradio as gr

from app.demo.examples import EXAMPLES
from app.demo.markup import table
from app.demo.page.player import ASSETS
from app.demo.studio import SCORED_S, Studio


def build(studio: Studio) -> None:
    """Lay out the tab."""
    codec, settings = studio.codec, studio.settings
    gr.HTML(table(("Checkpoint", "Value"), checkpoint_rows(studio)), elem_id="about-checkpoint")
    rate = codec.config.sample_rate
    gr.Markdown(
        (ASSETS / "about.md")
        .read_text(encoding="utf-8")
        .format(
            kilohertz=rate / 1000,
            half=rate / 2000,
            scored=SCORED_S,
            minutes=settings.max_minutes,
            keep=settings.keep_minutes,
        )
    )
    gr.HTML(table(("Example", "Source and licence"), [(e.title, e.credit) for e in EXAMPLES]))


def checkpoint_rows(studio: Studio) -> list[tuple[str, str]]:
    """What is known of the loaded checkpoint: its card first, then the config's figures."""
    codec = studio.codec
    config = codec.config
    parameters = sum(p.numel() for p in codec.model.parameters())
    rows = [("Name", codec.name), ("Identity", codec.model_id.hex())]
    rows += [
        (key.replace("_", " ").capitalize(), value)
        for key, value in codec.metadata.items()
        if key not in ("config", "format")
    ]
    return [
        *rows,
        ("Parameters", f"{parameters / 1e6:.2f} million"),
        (
            "Bitrates",
            f"{studio.rates_kbps[0]:g} to {studio.rates_kbps[-1]:g} kbps, "
            f"{config.num_stages} stages of {config.code_bits} bits",
        ),
        ("Frames", f"{config.frame_rate:g} a second"),
        ("Delay", f"{config.delay_ms:.0f} ms"),
        ("Quantizer", config.quantizer),
    ]
