"""Reading cameras: one supervised process each, from the source to the frame queue."""
