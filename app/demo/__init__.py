"""The listening room: a web page around the codec.

Computation (`studio`, `blind`, `bundles`, `curve`, `opus`, `pictures`) knows nothing of Gradio and
is tested without a browser; `page/` only lays out and wires; `server` starts and cleans up.
"""
