"""What the core needs from the world, each as small as its need."""
