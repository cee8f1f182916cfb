"""Names of the files of a training."""

WEIGHTS, LOG, STATE = "network.safetensors", "log.jsonl", "state.safetensors"
CLEAN, ALBUM = "clean.csv", "album.npz"
DRAWN, DRAWN_INDEX, DRAWN_CELLS = "drawn", "drawn.json", "drawn.csv"  # blocks, which there are, cells they touch
