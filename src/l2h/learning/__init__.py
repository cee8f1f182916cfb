"""Chips, losses and the training loop: labels and imagery in, a checkpoint out."""
