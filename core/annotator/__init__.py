"""A vision–language model looks at frames of the clip and says what the two people do: a sentence, and touches by body part.

`choosing` finds the model, `frame_choice` and `pictures` make what it is shown, `question` and `answer` are what is said both
ways, `annotate` runs it all, `hypotheses` and `judging` hold its touches against the geometry.
"""
