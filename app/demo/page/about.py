"""The About tab: which network this is, what it was trained on, and what it can't do."""

import gradio as gr

from app.demo.examples import EXAMPLES
from app.demo.markup import table
from app.demo.studio import Studio

LIMITS = """
### Limits
- Made for **speech**, one speaker at a time. Music, noise and several voices at once come out worse.
- The network works at **{kilohertz:g} kHz**: of anything above {half:g} kHz in a recording nothing is kept.
- Recordings of up to {minutes:g} minutes on this page; `nsvq encode` takes any length.
- PESQ-WB and STOI are measured on the first {scored:g} seconds, at 16 kHz mono, on 16-bit samples.
  They are models of hearing, not hearing: trust your ears.

### What happens to your recordings
They stay on this server, in a folder that only this demo reads, under addresses nobody can guess. They
are deleted after {keep:g} minutes and when the demo stops. Blind votes are kept, with the clip's file name.

### Use it from a program
The page is also an API; see `docs/demo.md` and **Use via API** at the foot of the page:

```python
from gradio_client import Client, handle_file
client = Client("http://127.0.0.1:7860")
path = client.predict(handle_file("speech.wav"), 6.0, api_name="/encode")
```

The file format is described in `docs/format.md`, the scores in `docs/evaluation.md`, the training in
`docs/training.md`.
"""


def build(studio: Studio) -> None:
    """Lay out the tab."""
    codec, settings = studio.codec, studio.settings
    gr.HTML(table(("Checkpoint", "Value"), checkpoint_rows(studio)), elem_id="about-checkpoint")
    rate = codec.config.sample_rate
    gr.Markdown(LIMITS.format(kilohertz=rate / 1000, half=rate / 2000, scored=30,
                              minutes=settings.max_minutes, keep=settings.keep_minutes))
    gr.HTML(table(("Example", "Source and licence"), [(e.title, e.credit) for e in EXAMPLES]))


def checkpoint_rows(studio: Studio) -> list[tuple[str, str]]:
    """What is known of the loaded checkpoint: its card first, then the config's figures."""
    codec = studio.codec
    config = codec.config
    parameters = sum(p.numel() for p in codec.model.parameters())
    rows = [("Name", codec.name), ("Identity", codec.model_id.hex())]
    rows += [(key.replace("_", " ").capitalize(), value) for key, value in codec.metadata.items()
             if key not in ("config", "format")]
    return rows + [
        ("Parameters", f"{parameters / 1e6:.2f} million"),
        ("Bitrates", f"{studio.rates_kbps[0]:g} to {studio.rates_kbps[-1]:g} kbps, "
                     f"{config.num_stages} stages of {config.code_bits} bits"),
        ("Frames", f"{config.frame_rate:g} a second"),
        ("Delay", f"{config.delay_ms:.0f} ms"),
        ("Quantizer", config.quantizer),
    ]
