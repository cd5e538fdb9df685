"""The About tab: which network this is, what it was trained on, and what it can't do."""

import re
from pathlib import Path

import gradio as gr

from app.demo.examples import EXAMPLES
from app.demo.markup import table
from app.demo.page.player import ASSETS
from app.demo.studio import SCORED_S, Studio
from codec.catalog import find_checkpoint

DOCS = Path(__file__).parents[3] / "docs"
"""In a source tree; an installation comes without."""


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
    gr.Markdown("### Read on")
    for path in documents(studio.settings.checkpoint):
        text = path.read_text(encoding="utf-8")
        title = text.lstrip("# ").partition("\n")[0]
        with gr.Accordion(f"{title} ({path.parent.name}/{path.name})", open=False):
            gr.Markdown(without_links(text))


def documents(checkpoint: str) -> list[Path]:
    """The checkpoint's model card and the documentation, as far as they are at hand."""
    card = find_checkpoint(checkpoint).with_suffix(".md")
    return [path for path in (card, *sorted(DOCS.glob("*.md"))) if path.is_file()]


def without_links(markdown: str) -> str:
    """The text without its pictures, and without links to files, which this page doesn't serve.

    >>> without_links("![a](b.png)See [the format](format.md) or [us](https://example.org).")
    'See the format or [us](https://example.org).'
    """
    plain = re.sub(r"!\[[^\]]*\]\([^)]*\)|<!--.*?-->", "", markdown, flags=re.DOTALL)
    return re.sub(r"\[([^\]]*)\]\((?!https?:)[^)]*\)", r"\1", plain)


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
    ]
