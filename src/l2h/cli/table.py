"""The commands: where each lives and what it does. Read by `--help`, so nothing heavy is imported here."""

# name → (module, what it does); in the order of the chain
COMMANDS = {
    "toy": ("l2h.cli.toy", "Generate a toy country with known answers."),
    "init": ("l2h.cli.init", "Write a project file for your own data."),
    "fetch": ("l2h.cli.fetch", "Fetch what a project names by address: products, imagery, vectors, outlines."),
    "layers": ("l2h.cli.run", "Bring every source onto the project's lattice."),
    "labels": ("l2h.cli.run", "Fuse products and OpenStreetMap into training labels."),
    "train": ("l2h.cli.run", "Train the network."),
    "map": ("l2h.cli.run", "Predict class and confidence per pixel."),
    "release": ("l2h.cli.run", "Cut cities, pack provinces, write the manifest."),
    "sample": ("l2h.cli.sample", "Draw the points at which the map is judged, with their design."),
    "interpret": ("l2h.cli.interpret", "Serve a page on which people interpret points, blind to the map."),
    "assess": ("l2h.cli.run", "Measure accuracy at points and against a known truth."),
    "survey": ("l2h.cli.survey", "Hold the map's areas against a survey's."),
    "compare": ("l2h.cli.compare", "Hold products beside the map, on the same points and ground."),
    "report": ("l2h.cli.run", "Write the validation report (HTML, PDF) and the figures."),
    "guide": ("l2h.cli.guide", "Write the user guide of a release (HTML, PDF)."),
    "run": ("l2h.cli.run", "Run the whole chain, from where it stands."),
    "status": ("l2h.cli.status", "Show what is made, stale and missing."),
    "verify": ("l2h.cli.verify", "Rehash a release or a workspace, name every file that differs."),
    "inspect": ("l2h.cli.inspect", "Say what a raster is and what is wrong with it."),
    "doctor": ("l2h.cli.doctor", "Say what this machine has."),
}
