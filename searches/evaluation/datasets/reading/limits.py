"""What a dataset may be at most; every message about it names the limit."""

GIB = 2**30

MAX_FILE_BYTES = 2 * GIB
MAX_ARRAY_BYTES = 2 * GIB  # unpacked, all members together
MAX_ARRAYS = 16  # members of an npz
MAX_IMAGE_FILES = 200_000  # members of a zip, files of a folder
MAX_IMAGE_PIXELS = 40_000_000  # of one picture before it is resized
MAX_IMAGES = 1_000_000
MAX_SIDE = 512
MIN_SIDE = 4
MAX_CHANNELS = 4
MAX_CLASSES = 1_000
