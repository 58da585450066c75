"""A preprocessed drawing: the 28x28 image and how it was made."""

from dataclasses import dataclass

from core.drawing.rasterize import MASS_CENTRE, Floats
from core.errors import EmptyDrawingError


@dataclass(frozen=True, eq=False)
class PreprocessedDrawing:
    """An image and its transform: `pixel = scale * drawing + offset` for x and for y."""

    box: tuple[float, float, float, float]
    """Left, top, right and bottom of the strokes, or of a photo's ink, in the drawing's unit."""
    scale: float
    """Pixels of the image per unit of the drawing."""
    offset: tuple[float, float]
    """The translation in x and y after scaling, in pixels."""
    image: Floats
    """(28, 28) float32 in 0..1, ink 1 on 0: preprocessed like MNIST."""
    as_drawn: Floats
    """(28, 28) float32 in 0..1: the whole canvas resized, neither cropped nor centred."""

    @property
    def centre(self) -> tuple[float, float]:
        """The drawing's centre of mass (x, y) in its own unit."""
        x, y = ((MASS_CENTRE - move) / self.scale for move in self.offset)
        return x, y

    def network_image(self, as_drawn: bool = False) -> Floats:
        """The input image of the network.

        Raises:
            EmptyDrawingError: no ink is on the canvas.
        """
        image = self.as_drawn if as_drawn else self.image
        if not image.any():
            raise EmptyDrawingError("Nothing of the drawing lies on the canvas.")
        return image
