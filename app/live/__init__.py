"""`nsvq live`: a conversation through the codec, on one machine or between two."""
