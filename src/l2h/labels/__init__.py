"""Labels: 10 m products and vectors become training labels, with no pixel drawn by hand."""
