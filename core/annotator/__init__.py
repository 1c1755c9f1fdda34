"""A vision–language model looks at frames of the clip and says what the two people do: a sentence, and touches by body part.

`choosing` finds the model, `frame_choice` and `pictures` make what it is shown, `question` and `answer` are what is said both
ways, `merging` joins the answers about stretches, `annotate` runs it all, and `judging` holds the touches against the motion.
"""
