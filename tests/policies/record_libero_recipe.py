"""Record what TensorFlow makes of a picture in the LIBERO evaluation. Not a test; run by hand where TensorFlow is.

python tests/policies/record_libero_recipe.py FRAME.png tests/data/openvla_libero_recipe.npz
"""

import sys

import numpy as np
import tensorflow as tf
from PIL import Image


def round_trip(image: np.ndarray) -> np.ndarray:
    return tf.io.decode_image(tf.image.encode_jpeg(image), expand_animations=False, dtype=tf.uint8).numpy()


def main(source: str, target: str) -> None:
    image = np.asarray(Image.open(source).convert("RGB"))
    compressed = round_trip(image)
    odd = {
        f"jpeg_{height}x{width}": round_trip(image[:height, :width]) for height, width in ((18, 31), (17, 23), (1, 1))
    }
    resized = tf.image.resize(compressed, (224, 224), method="lanczos3", antialias=True)
    resized = tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)
    kept = float(tf.sqrt(tf.constant(0.9)))
    box = [[(1 - kept) / 2, (1 - kept) / 2, (1 - kept) / 2 + kept, (1 - kept) / 2 + kept]]
    scaled = tf.image.convert_image_dtype(resized, tf.float32)[None]
    cropped = tf.clip_by_value(tf.image.crop_and_resize(scaled, box, [0], (224, 224)), 0, 1)
    cropped = tf.image.convert_image_dtype(cropped[0], tf.uint8, saturate=True)
    np.savez_compressed(
        target, image=image, jpeg=compressed, lanczos=resized, crop=cropped, tensorflow=tf.__version__, **odd
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
