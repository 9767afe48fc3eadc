"""Looking at one model without training it: what it is made of, and what one pass forward and back gives."""
