"""`nsvq live`: a conversation through the codec."""

import functools
import json
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.files import named_format
from app.options import checkpoint_option, json_option, rate_options
from app.packet_options import parse_copies
from app.work import load_codec
from codec.output import new_file
from codec.pcm import write_blocks

if TYPE_CHECKING:
    from app.live.call import Call, Listening, Talking
    from codec.codec import Codec
    from codec.live import Redundancy


def _address(
    ctx: click.Context | None, parameter: click.Parameter | None, text: str | None
) -> tuple[str, int] | None:
    """Callback of an option: a host and a port.

    >>> _address(None, None, "example.org:5004")
    ('example.org', 5004)
    """
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise click.BadParameter(f"{text!r} should read HOST:PORT, as example.org:5004")
    return host, int(port)


@click.command()
@click.option("--to", callback=_address, metavar="HOST:PORT", help="Send there, over UDP.")
@click.option("--listen", type=click.IntRange(1, 65_535), metavar="PORT", help="Hear what comes.")
@click.option(
    "--input",
    "source",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A recording instead of the microphone.",
)
@click.option(
    "--output",
    "target",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A wav or flac to write instead of the headphones.",
)
@rate_options
@click.option("--loss", type=click.FloatRange(0.0, 50.0), default=0.0, metavar="PERCENT",
              show_default=True, help="Lose that share of the packets on the way.")  # fmt: skip
@click.option("--burst", type=click.FloatRange(1.0, 100.0), default=2.0, metavar="PACKETS",
              show_default=True, help="Packets lost in a row, on average.")  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Which packets get lost.")
@click.option(
    "--copies",
    multiple=True,
    callback=parse_copies,
    metavar="STAGES:PACKETS",
    help="Repeat the first stages of each frame so many packets later, within the bitrate; both "
    "sides must say the same.",
)
@click.option("--vbr", is_flag=True, help="Packets of all lengths, the bitrate on average.")
@click.option("--depth", type=click.IntRange(1, 50), default=3, show_default=True,
              metavar="PACKETS", help="Packets to gather before the first is heard.")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(min=0.02), help="End after so many seconds.")
@click.option("--fast", is_flag=True, help="With --input: don't wait for the clock.")
@click.option("--force", "-f", is_flag=True, help="Replace an output that exists.")
@checkpoint_option
@json_option
def command(
    *, checkpoint: str, fast: bool, force: bool, as_json: bool, target: Path | None, **options: Any
) -> None:
    """Talk through the codec: microphone, packets, headphones.

    Alone it is one machine that hears itself. --to sends over UDP (RTP), --listen hears what
    another machine sends; with both, two talk. Without a sound card, give recordings: they are
    paced by the clock. Keys: + and - change the bitrate, l and k the loss, q ends.

    \b
    nsvq live --bitrate 3 --loss 10           hear yourself, a tenth of it lost
    nsvq live --listen 5004 --to other:5004   a call
    nsvq live --input a.wav --output b.wav
    """
    from app.live.facts import call_facts, call_line
    from app.live.keys import HELP, keyboard, pressed

    to, listen = options["to"], options["listen"]
    talks, hears = bool(to or not listen), bool(listen or not to)
    if fast and (to or listen or options["source"] is None):
        raise click.UsageError("--fast goes with --input, on one machine")
    if target and not hears:
        raise click.UsageError("--output has nothing to write: what is sent is heard elsewhere")
    kind = named_format(target) if target else ""
    codec = load_codec(checkpoint)
    with ExitStack() as stack:
        call = _call(codec, stack, talks, hears, options)
        call.paced = not fast and (options["source"] is not None or not talks)
        call.ends_when_quiet = target is not None and not talks
        if sys.stderr is not None and sys.stderr.isatty():
            call.tell = _tell
        keys = stack.enter_context(keyboard())
        call.keys = functools.partial(pressed, keys)
        if keys is not None:
            click.echo(f"nsvq: {HELP}", err=True)
        _run(call, target, kind, force, codec.config.sample_rate)
    facts = call_facts(call)
    click.echo(json.dumps(facts, indent=2) if as_json else call_line(facts))


def _call(
    codec: "Codec", stack: ExitStack, talks: bool, hears: bool, options: dict[str, Any]
) -> "Call":
    """The conversation that the options ask for; what it opens is closed with the stack."""
    from app.live.call import Call
    from codec.live import NONE

    copies = options["copies"][0] if options["copies"] else NONE
    talking = _talking(codec, stack, copies, options) if talks else None
    listening = _listening(codec, stack, copies, options) if hears else None
    return Call(talking, listening, 1.0 / codec.config.frame_rate, seconds=options["seconds"])


def _talking(
    codec: "Codec", stack: ExitStack, copies: "Redundancy", options: dict[str, Any]
) -> "Talking":
    from app.live.call import Talking
    from app.live.network import Sender
    from app.live.sound import microphone, recording, sound_device
    from codec.audio import audio_info

    config, rate = codec.config, codec.config.sample_rate
    stages = codec.stages_for(options["bitrate"], options["stages"])
    packet_s = 1.0 / config.frame_rate
    if options["source"]:
        rate = audio_info(options["source"]).sample_rate
        waves = recording(options["source"], packet_s)
    else:
        first_s = (config.window_size - config.hop) / rate
        waves = microphone(sound_device(), rate, packet_s, first_s)
    stack.enter_context(closing(waves))
    encoder = codec.encoder(rate, num_stages=stages, redundancy=copies, vbr=options["vbr"])
    host, port = options["to"] or ("", 0)
    sender = Sender(host, port, config.hop) if host else None
    if sender:
        stack.enter_context(closing(sender))
    loss = options["loss"] / 100.0
    return Talking(waves, encoder, loss, options["burst"], options["seed"], sender)


def _listening(
    codec: "Codec", stack: ExitStack, copies: "Redundancy", options: dict[str, Any]
) -> "Listening":
    from app.live.call import Listening
    from app.live.network import Receiver
    from codec.live.jitter import JitterBuffer

    receiver = Receiver(options["listen"]) if options["listen"] else None
    if receiver:
        stack.enter_context(closing(receiver))
    decoder = codec.decoder(codec.config.sample_rate, redundancy=copies)
    return Listening(decoder, receiver, JitterBuffer(options["depth"]))


def _run(call: "Call", target: Path | None, kind: str, force: bool, sample_rate: int) -> None:
    """Let what is heard go where it should."""
    from app.live.sound import play, sound_device

    if call.listening is None:
        for _ in call.blocks():
            pass
    elif target is None:
        play(sound_device(), call.blocks(), sample_rate)
    else:
        with new_file(target, force) as file:
            write_blocks(file, call.blocks(), sample_rate, (1, 0), kind)


def _tell(call: "Call") -> None:
    """The state of things, over the line that told it before."""
    from app.live.facts import call_facts, call_line

    click.echo(f"\r\x1b[2K{call_line(call_facts(call))}", err=True, nl=False)
