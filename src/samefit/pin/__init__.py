"""One seed, one training: `pinned` puts every generator under one seed and gives back what it found."""

from samefit.pin.scope import pinned as pinned
