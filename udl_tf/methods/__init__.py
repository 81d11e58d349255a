"""Any method of `udl_tf.rivals` that needs no training, on two pictures of any size: what `udl_tf.register --method` does."""
