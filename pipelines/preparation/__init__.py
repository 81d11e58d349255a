"""What is taken out of images before they are compared: places without information, slow background."""
