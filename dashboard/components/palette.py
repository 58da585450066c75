"""Okabe and Ito's palette, which the colour-blind can tell apart.

Without its black, and the yellow that white paper swallows. This module does not know what wears
which colour.
"""

BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
PURPLE, SKY, VERMILION = "#CC79A7", "#56B4E9", "#D55E00"
