"""What a codec is trained towards: losses, and discriminators that learn beside it."""
