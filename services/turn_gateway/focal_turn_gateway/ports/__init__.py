"""What the use cases need of the outside, each as small as its need."""
