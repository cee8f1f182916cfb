"""Names of the files of a training."""

WEIGHTS, LOG, STATE = "network.safetensors", "log.jsonl", "state.safetensors"
CLEAN, ALBUM = "clean.csv", "album.npz"
