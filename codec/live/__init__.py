"""Conversations: one packet for each frame, little delay, packets that get lost. See docs/live.md.

numpy only: never torch, no training, no sound card.
"""

from codec.live.decoder import PacketDecoder
from codec.live.encoder import PacketEncoder
from codec.live.packets import PacketFormat

__all__ = ["PacketDecoder", "PacketEncoder", "PacketFormat"]
