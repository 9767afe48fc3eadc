"""What a person or a program gets to see of a comparison: text, JSON, a fragment of HTML, and progress on the way."""
