"""What can go wrong, in words a user can act on. Every message says what was wanted, what came, and what to do."""


class MotionError(ValueError):
    """Something given to Motion-I2V cannot be used. The message is one sentence for the person who gave it."""


class ShapeError(MotionError):
    """A tensor or a picture has other axes than the ones wanted."""


class CheckpointError(MotionError):
    """A file of weights is missing, damaged, unsafe, or not the one that was wanted."""
