"""What a camera sees of two people whose motion is known: occlusion of joints and landmarks, and masks."""
