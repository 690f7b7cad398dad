"""half_plus_two and half_plus_three, as TensorFlow Serving's documentation describes them."""

from pathlib import Path

import tensorflow as tf

v1 = tf.compat.v1


def save_half_plus(folder: Path, addend: float) -> Path:
    """Saves a SavedModel of TensorFlow 1 that computes x / 2 + addend.

    Its input is not a placeholder: it is the feature `x` of parsed Examples, which Predict feeds in their
    place. So the signature has [batch, 1], and the documented requests send a list of scalars.

    Args:
      folder: where the SavedModel goes.
      addend: 2 for half_plus_two.
    """
    with tf.Graph().as_default(), v1.Session() as session:
        slope, constant = (
            v1.get_variable(name, initializer=value) for name, value in (("a", 0.5), ("b", addend))
        )
        serialized = v1.placeholder(tf.string, [None], name="tf_example")
        parsed = tf.io.parse_example(serialized, {"x": tf.io.FixedLenFeature([1], tf.float32)})
        x = tf.identity(parsed["x"], name="x")
        y = tf.identity(slope * x + constant, name="y")
        session.run(v1.global_variables_initializer())
        signature = v1.saved_model.build_signature_def(
            inputs={"x": v1.saved_model.build_tensor_info(x)},
            outputs={"y": v1.saved_model.build_tensor_info(y)},
            method_name=tf.saved_model.PREDICT_METHOD_NAME,
        )
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session, [tf.saved_model.SERVING], {tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY: signature}
        )
        builder.save()
    return folder
