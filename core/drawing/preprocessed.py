"""A preprocessed drawing: the 28x28 image, and where in the drawing it is from."""

from dataclasses import dataclass

from core.drawing.rasterize import Floats
from core.errors import EmptyDrawingError


@dataclass(frozen=True, eq=False)
class PreprocessedDrawing:
    """An image, and what of the drawing it shows, in the drawing's unit."""

    box: tuple[float, float, float, float]
    """Left, top, right and bottom of the strokes, or of a photo's ink."""
    centre: tuple[float, float]
    """The centre of mass (x, y)."""
    image: Floats
    """(28, 28) float32 in 0..1, ink 1 on 0: preprocessed like MNIST."""
    as_drawn: Floats
    """(28, 28) float32 in 0..1: the whole canvas resized, neither cropped nor centred."""

    def network_image(self, as_drawn: bool = False) -> Floats:
        """The input image of the network.

        Raises:
            EmptyDrawingError: no ink is on the canvas.
        """
        image = self.as_drawn if as_drawn else self.image
        if not image.any():
            raise EmptyDrawingError("Nothing of the drawing lies on the canvas.")
        return image
